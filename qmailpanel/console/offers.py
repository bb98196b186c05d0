"""What rows would say of a drift, and the services that would make them say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from qmailpanel.aliases.services import change_alias, switch_alias
from qmailpanel.domains.models import Address, Claim, Domain, Kind, Unknown
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import Actor
from qmailpanel.mailboxes.services import change_mailbox, switch_mailbox
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout import adopt
from qmailpanel.qmail.layout.adopt import Bounces, Delivers, Discards, Forwards, Meaning
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import MailAddress
from qmailpanel.qmail.plan.drift import DriftKind
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.models import SyncDrift

Act = Callable[[Actor], object]


@dataclass(frozen=True)
class Offer:
    """What could be done with something on the host: in words, and how. `goes`: what it removes."""

    text: str
    params: dict[str, str]
    act: Act
    goes: Address | Claim | None = None

    def __str__(self) -> str:
        return self.text % self.params


def find_offers(domain: Domain, drifts: Sequence[SyncDrift]) -> list[Offer | None]:
    """What rows would say of each of these drifts of a domain; None where they cannot."""
    if domain.removed:
        return [None for _drift in drifts]
    layout = read_layout()
    meanings = [_read_meant(domain, drift, layout) for drift in drifts]
    locals_ = {local for meant in meanings if meant for local in meant.locals}
    rows = domain.addresses.filter(removed=False, local__in=locals_)
    addresses = {address.local: address for address in rows}
    return [_offer_rows(domain, addresses, meant) if meant else None for meant in meanings]


@dataclass(frozen=True)
class _Meant:
    """What a drift is about, and what its line or file would do."""

    local: str
    meaning: Meaning
    home: str = ""  # the mailbox whose home an assignment names

    @property
    def locals(self) -> tuple[str, str]:
        return self.local, self.home


def _read_meant(domain: Domain, drift: SyncDrift, layout: Layout) -> _Meant | None:
    if drift.kind == DriftKind.LINE and drift.file == Shared.ASSIGN:
        home = adopt.read_home(drift.actual, layout)
        is_here = home and (home.prepend, home.domain) == (domain.prepend, domain.name)
        return _Meant(home.local, Delivers(), home.home) if home and is_here else None
    if drift.kind == DriftKind.FILE:
        place = adopt.read_place(drift.file)
        meaning = adopt.read_meaning(drift.actual, layout)
        return _Meant(place.local, meaning) if place and meaning else None
    return None


def _offer_rows(domain: Domain, addresses: Mapping[str, Address], meant: _Meant) -> Offer | None:
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
