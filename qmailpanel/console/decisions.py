"""What the operator decides about lines and files that are not as the panel left them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.utils.translation import gettext_noop as _

from qmailpanel.aliases.services import add_alias, change_alias, switch_alias
from qmailpanel.domains.changes import reread
from qmailpanel.domains.deed import Deed
from qmailpanel.domains.models import Address, Domain, Kind, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, switch_mailbox
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout import adopt
from qmailpanel.qmail.layout.adopt import Bounces, Delivers, Discards, Forwards, Meaning
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.plan.drift import DriftKind, Side
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.models import DriftDecision, ForeignLine, SyncDrift

Act = Callable[[Actor], object]


@dataclass(frozen=True)
class Offer:
    """What could be done with something on the host: in words, and how."""

    text: str
    params: dict[str, str]
    act: Act

    def __str__(self) -> str:
        return self.text % self.params


# drift


@dataclass(frozen=True)
class DriftRow:
    """A drift as a page shows it; without an offer its line cannot become rows."""

    drift: SyncDrift
    offer: Offer | None


@dataclass(frozen=True)
class DriftsOfDomain:
    """The drifts of one domain; without a domain nothing can be decided."""

    domain: Domain | None
    rows: Sequence[DriftRow]


def group_drifts(drifts: Iterable[SyncDrift]) -> list[DriftsOfDomain]:
    """Drifts in the order of their domains, with what could be done about each."""
    groups = [(pk, list(found)) for pk, found in groupby(drifts, attrgetter("domain"))]
    domains = Domain.objects.in_bulk([pk for pk, _found in groups if pk])
    return [_group(domains.get(pk or 0), found) for pk, found in groups]


def _group(domain: Domain | None, drifts: Sequence[SyncDrift]) -> DriftsOfDomain:
    offers = find_offers(domain, drifts) if domain else [None for _drift in drifts]
    return DriftsOfDomain(domain, [DriftRow(*pair) for pair in zip(drifts, offers, strict=True)])


@ledger_locked()
def put_ours_back(actor: Actor, drift: SyncDrift) -> None:
    """Have sync write what the panel wants over what stands there now, and over nothing else."""
    _decide(actor, Verb.PUT_BACK, drift, Side.OURS)


@ledger_locked()
def take_theirs(actor: Actor, drift: SyncDrift) -> None:
    """What stands there becomes rows where rows can say it; else it stays and is left alone."""
    [offer] = find_offers(_domain_of(drift), [drift])
    if offer is None:
        _decide(actor, Verb.KEPT, drift, Side.THEIRS)
        return
    offer.act(actor)
    _decide(actor, Verb.PUT_BACK, drift, Side.OURS)  # in the panel's own spelling


def _decide(actor: Actor, verb: Verb, drift: SyncDrift | DriftDecision, side: Side) -> None:
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
def no_longer_leave(actor: Actor, left: DriftDecision) -> None:
    """Write the panel's version over something that was left alone."""
    _decide(actor, Verb.PUT_BACK, left, Side.OURS)


def find_offers(domain: Domain, drifts: Sequence[SyncDrift]) -> list[Offer | None]:
    """What rows would say of each of these drifts of a domain; None where they cannot."""
    if domain.removed:
        return [None for _drift in drifts]
    layout = read_layout()
    meant = [_read(domain, drift, layout) for drift in drifts]
    locals_ = {local for one in meant if one for local in one.locals}
    found = domain.addresses.filter(removed=False, local__in=locals_)
    addresses = {address.local: address for address in found}
    return [_offer(domain, addresses, one) if one else None for one in meant]


@dataclass(frozen=True)
class _Meant:
    """What a drift is about, and what its line or file would do."""

    local: str
    meaning: Meaning
    home: str = ""  # the mailbox whose home an assignment names

    @property
    def locals(self) -> tuple[str, str]:
        return self.local, self.home


def _read(domain: Domain, drift: SyncDrift, layout: Layout) -> _Meant | None:
    if drift.kind == DriftKind.LINE and drift.file == Shared.ASSIGN:
        home = adopt.read_home(drift.actual, layout)
        is_here = home and (home.prepend, home.domain) == (domain.prepend, domain.name)
        return _Meant(home.local, Delivers(), home.home) if home and is_here else None
    if drift.kind == DriftKind.FILE:
        place = adopt.read_place(drift.file)
        meaning = adopt.read_meaning(drift.actual, layout)
        return _Meant(place.local, meaning) if place and meaning else None
    return None


def _offer(domain: Domain, addresses: Mapping[str, Address], meant: _Meant) -> Offer | None:
    address = addresses.get(meant.local)
    if meant.home:
        return _offer_home(domain, address, addresses.get(meant.home))
    if not meant.local:
        return _offer_unknown(domain, meant.meaning)
    return _offer_address(address, meant.meaning) if address else None


def _offer_unknown(domain: Domain, meaning: Meaning) -> Offer | None:
    match meaning:
        case Forwards([target]):
            return Offer(
                _("Mail for unknown recipients is forwarded to %(target)s."),
                {"target": str(target)},
                lambda actor: change_domain(
                    actor, domain, unknown=Unknown.FORWARD, unknown_target=target
                ),
            )
        case Bounces(text):
            return Offer(
                _("Mail for unknown recipients bounces with the text: %(text)s"),
                {"text": text},
                lambda actor: change_domain(
                    actor, domain, unknown=Unknown.BOUNCE, unknown_text=text
                ),
            )
        case Discards():
            return Offer(
                _("Mail for unknown recipients is discarded."),
                {},
                lambda actor: change_domain(actor, domain, unknown=Unknown.DISCARD),
            )
    return None


def _offer_address(address: Address, meaning: Meaning) -> Offer | None:
    is_mailbox, named = address.kind == Kind.MAILBOX, {"address": str(address)}
    match meaning:
        case Forwards(targets) if not is_mailbox:
            return _offer_targets(address, list(targets))
        case Delivers() if is_mailbox:
            return Offer(
                _("%(address)s is switched on."),
                named,
                lambda actor: switch_mailbox(actor, address, on=True),
            )
        case Bounces(text) if is_mailbox:
            return Offer(
                _("%(address)s is switched off with the text: %(text)s"),
                {**named, "text": text},
                lambda actor: _switch_off(actor, address, text),
            )
        case Bounces():
            return Offer(
                _("%(address)s is switched off."),
                named,
                lambda actor: switch_alias(actor, address, on=False),
            )
    return None


def _switch_off(actor: Actor, address: Address, text: str) -> None:
    change_mailbox(actor, address, refusal=text)
    switch_mailbox(actor, address, on=False)


def _offer_targets(address: Address, targets: list[MailAddress]) -> Offer:
    def act(actor: Actor) -> None:
        change_alias(actor, address, destinations=targets)
        switch_alias(actor, address, on=True)

    return Offer(
        _("%(address)s delivers to %(targets)s."),
        {"address": str(address), "targets": ", ".join(targets)},
        act,
    )


def _offer_home(domain: Domain, alias: Address | None, mailbox: Address | None) -> Offer | None:
    """An alias of one mailbox is an assignment to its home."""
    if alias is None or mailbox is None:
        return None
    if (alias.kind, mailbox.kind) != (Kind.ALIAS, Kind.MAILBOX):
        return None
    return _offer_targets(alias, [MailAddress(f"{mailbox.local}@{domain.name}")])


def _is_mailbox(domain: Domain, local: str) -> bool:
    boxes = domain.addresses.filter(kind=Kind.MAILBOX, removed=False)
    return boxes.filter(local=local).exists()


# foreign lines


def find_adoptable(lines: Iterable[ForeignLine]) -> Iterator[tuple[ForeignLine, Offer]]:
    """The foreign lines that would be rows of a domain the panel has, and which rows."""
    domains = {one.prepend: one for one in Domain.objects.claiming().filter(removed=False)}
    for line in lines:
        offer = _offer_line(line, domains)
        if offer:
            yield line, offer


def _offer_line(line: ForeignLine, domains: dict[int, Domain]) -> Offer | None:
    if line.file == Shared.ASSIGN:
        return _offer_assignment(line, domains)
    if line.file == Shared.VIRTUAL:
        return _offer_name(line, domains)
    return None


def _offer_assignment(line: ForeignLine, domains: dict[int, Domain]) -> Offer | None:
    home = adopt.read_home(line.line, read_layout())
    domain = domains.get(home.prepend) if home else None
    if home is None or domain is None or domain.name != home.domain:
        return None
    if domain.addresses.claiming().filter(local=home.local).exists():
        return None
    named = {"address": f"{home.local}@{domain.name}"}
    if home.home == home.local:
        return Offer(
            _("The mailbox %(address)s, with the mail in it and without a password."),
            named,
            lambda actor: add_mailbox(actor, domain, LocalPart(home.local)),
        )
    if not _is_mailbox(domain, home.home):
        return None
    target = MailAddress(f"{home.home}@{domain.name}")
    return Offer(
        _("The alias %(address)s, which delivers to %(target)s."),
        {**named, "target": str(target)},
        lambda actor: add_alias(actor, domain, AliasLocal(home.local), [target]),
    )


def _offer_name(line: ForeignLine, domains: dict[int, Domain]) -> Offer | None:
    found = adopt.read_virtual(line.line)
    domain = domains.get(found[1]) if found else None
    if found is None or domain is None:
        return None
    name = found[0]
    return Offer(
        _("%(name)s, an alias domain of %(domain)s."),
        {"name": name, "domain": domain.name},
        lambda actor: add_alias_domain(actor, domain, name, is_routed_to_it=True),
    )
