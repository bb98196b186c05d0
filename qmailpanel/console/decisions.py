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
from qmailpanel.ledger.models import Noun, Verb
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


@ledger_locked()
def put_ours_back(actor: Actor, drift: SyncDrift) -> None:
    """Have sync write what the panel wants over what stands there now, and over nothing else."""
    _write_decision(actor, Verb.PUT_BACK, drift, Side.OURS)


@ledger_locked()
def take_theirs(actor: Actor, drift: SyncDrift) -> None:
    """What stands there becomes rows where rows can say it; else it stays as it is."""
    [offer] = find_offers(_domain_of(drift), [drift])
    if offer is None:
        _write_decision(actor, Verb.KEPT, drift, Side.THEIRS)
        return
    offer.act(actor)
    _write_decision(actor, Verb.PUT_BACK, drift, Side.OURS)  # in the panel's own spelling


def _write_decision(actor: Actor, verb: Verb, drift: SyncDrift | DriftDecision, side: Side) -> None:
    domain = _domain_of(drift)
    if not Domain.objects.claiming().filter(pk=domain.pk).exists():
        raise Refused(_("%(domain)s is another domain by now."), domain=domain.name)
    reread(domain)
    line = drift.file if drift.file == drift.key else f"{drift.file} {drift.key}"
    change = Deed(actor, domain).record(verb, noun=Noun.LINE, target=line[:320])
    DriftDecision.objects.update_or_create(
        domain=domain,
        kind=drift.kind,
        file=drift.file,
        key=drift.key,
        defaults={"actual": drift.actual, "side": side, "change": change},
    )


def _domain_of(drift: SyncDrift | DriftDecision) -> Domain:
    if isinstance(drift, DriftDecision):
        return drift.domain
    domain = Domain.objects.filter(pk=drift.domain or 0).first()
    if domain is None:
        raise Refused(_("The panel no longer knows the domain of this line."))
    return domain


@ledger_locked()
def decide_all(actor: Actor, drifts: Iterable[SyncDrift], side: Side) -> None:
    """All of them or, when one is refused, none."""
    decide = put_ours_back if side is Side.OURS else take_theirs
    for drift in drifts:
        decide(actor, drift)


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
    _write_decision(actor, Verb.PUT_BACK, kept, Side.OURS)
