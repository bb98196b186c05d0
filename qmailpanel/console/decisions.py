"""What the operator decides about lines and files that are not as the panel left them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed
from qmailpanel.domains.changes import reread
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.plan.drift import DriftKind, Side, Subject
from qmailpanel.sync.models import DriftDecision, SyncDrift

from .offers import Offer, find_offers

FEW = 3


@dataclass(frozen=True)
class DriftRow:
    """A drift as a page shows it; without an offer its line cannot become rows."""

    drift: SyncDrift
    offer: Offer | None

    @property
    def is_strange(self) -> bool:
        """Whether it is a file that the panel neither wants nor ever wrote."""
        return self.drift.kind == DriftKind.FILE and not (self.drift.wanted or self.drift.applied)


@dataclass(frozen=True)
class DriftsOfDomain:
    """The drifts of one domain; without a domain nothing can be decided."""

    domain: Domain | None
    rows: Sequence[DriftRow]

    @property
    def strange(self) -> list[DriftRow]:
        """Those that are one line on the page, because there are many."""
        strange = [row for row in self.rows if row.is_strange]
        return strange if len(strange) > FEW else []

    @property
    def known(self) -> list[DriftRow]:
        """The others."""
        strange = self.strange
        return [row for row in self.rows if row not in strange]


def group_drifts(drifts: Iterable[SyncDrift]) -> list[DriftsOfDomain]:
    """Drifts in the order of their domains, with what could be done about each."""
    groups = [(pk, list(group)) for pk, group in groupby(drifts, attrgetter("domain"))]
    domains = Domain.objects.in_bulk([pk for pk, _group in groups if pk])
    return [_with_offers(domains.get(pk or 0), group) for pk, group in groups]


def _with_offers(domain: Domain | None, drifts: Sequence[SyncDrift]) -> DriftsOfDomain:
    offers = find_offers(domain, drifts) if domain else [None for _drift in drifts]
    return DriftsOfDomain(domain, [DriftRow(*pair) for pair in zip(drifts, offers, strict=True)])


def put_ours_back(actor: Actor, drift: SyncDrift) -> None:
    """Have sync write what the panel wants over what stands there now, and over nothing else."""
    decide_all(actor, [drift], Side.OURS)


def take_theirs(actor: Actor, drift: SyncDrift) -> None:
    """What stands there becomes rows where rows can say it; else it stays as it is."""
    decide_all(actor, [drift], Side.THEIRS)


@ledger_locked()
def decide_all(actor: Actor, drifts: Iterable[SyncDrift], side: Side) -> None:
    """All of them or, when one is refused, none."""
    for number, group in groupby(sorted(drifts, key=_number_of), _number_of):
        _decide(actor, _find_domain(number), list(group), side)


def _number_of(drift: SyncDrift) -> int:
    return drift.domain or 0


def _find_domain(number: int) -> Domain:
    domain = Domain.objects.filter(pk=number).first()
    if domain is None:
        raise Refused(_("The panel no longer knows the domain of this line."))
    return domain


def _decide(actor: Actor, domain: Domain, drifts: Sequence[SyncDrift], side: Side) -> None:
    ours, kept = (drifts, []) if side is Side.OURS else _take(actor, domain, drifts)
    _write_decisions(actor, Verb.PUT_BACK, domain, ours, Side.OURS)
    _write_decisions(actor, Verb.KEPT, domain, kept, Side.THEIRS)


def _take(
    actor: Actor, domain: Domain, drifts: Sequence[SyncDrift]
) -> tuple[list[SyncDrift], list[SyncDrift]]:
    """Make rows of those that rows can say, to be written in our spelling; and the others."""
    pairs = list(zip(drifts, find_offers(domain, drifts), strict=True))
    for _drift, offer in pairs:
        if offer:
            offer.act(actor)
    said = [drift for drift, offer in pairs if offer]
    return said, [drift for drift, offer in pairs if offer is None]


def _write_decisions(
    actor: Actor,
    verb: Verb,
    domain: Domain,
    drifts: Sequence[SyncDrift | DriftDecision],
    side: Side,
) -> None:
    """In a few queries, however many they are."""
    if not Domain.objects.claiming().filter(pk=domain.pk).exists():
        raise Refused(_("%(domain)s is another domain by now."), domain=domain.name)
    reread(domain)
    changes = Deed(actor, domain).record_each(verb, Noun.LINE, map(_name_of, drifts))
    DriftDecision.objects.bulk_create(
        [_decision(domain, *pair, side) for pair in zip(drifts, changes, strict=True)],
        update_conflicts=True,
        unique_fields=["domain", "kind", "file", "key"],
        update_fields=["actual", "side", "change"],
    )


def _decision(
    domain: Domain, drift: SyncDrift | DriftDecision, change: Change, side: Side
) -> DriftDecision:
    what = {"kind": drift.kind, "file": drift.file, "key": drift.key, "actual": drift.actual}
    return DriftDecision(domain=domain, side=side, change=change, **what)


def _name_of(drift: SyncDrift | DriftDecision) -> str:
    line = drift.file if drift.file == drift.key else f"{drift.file} {drift.key}"
    return line[:320]


@ledger_locked()
def adopt_mailbox(actor: Actor, domain: Domain, local: LocalPart) -> None:
    """A mailbox that has the home which stands there, whoever had it."""
    address = add_mailbox(actor, domain, local)
    home = Subject.of_file(f"{domain.name}/{local}")
    DriftDecision.objects.update_or_create(
        domain=domain,
        kind=home.kind,
        file=home.file,
        key=home.key,
        defaults={
            "actual": str(address.mailbox.home),
            "side": Side.OURS,
            "change": address.change,
        },
    )


@ledger_locked()
def no_longer_leave(actor: Actor, kept: DriftDecision) -> None:
    """Write the panel's version over something that was to stay."""
    _write_decisions(actor, Verb.PUT_BACK, kept.domain, [kept], Side.OURS)
