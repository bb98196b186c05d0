"""Back to an earlier generation of a shared file: which rows that takes, as new changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.db import transaction
from django.utils.translation import gettext_noop as _

from qmailpanel.aliases.services import change_alias, remove_alias, restore_alias
from qmailpanel.domains.models import Address, Claim, Domain, Kind
from qmailpanel.domains.names.services import remove_alias_domain, restore_alias_domain
from qmailpanel.domains.routes.pointers import StillPointedTo
from qmailpanel.domains.services import change_domain, restore_domain, switch_domain
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.formats.shared_files import Shared, key_of
from qmailpanel.qmail.layout import adopt
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import MailAddress
from qmailpanel.qmail.numbers import HIGHEST_PREPEND, read_number
from qmailpanel.sync.generations import find_difference, read_generation
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.models import Generation

from .breaking import find_broken
from .offers import Offer

MOST = 1_000  # lines that may differ


@dataclass(frozen=True)
class WayBack:
    """`offers`: what the panel would do. `unmatched`: lines without rows, which stay.

    `broken`: a sentence for each thing that would go and to which others deliver.
    """

    offers: Sequence[Offer]
    unmatched: Sequence[bytes]
    broken: Sequence[StillPointedTo] = ()

    @property
    def digest(self) -> str:
        """Another one where the sentences are."""
        return sha256("\n".join(map(str, self.broken)).encode()).hexdigest()


def find_way_back(to: Generation, newest: Generation) -> WayBack:
    """From the file as sync left it last to an earlier one. Raises Refused: too much differs."""
    goes, comes = find_difference(read_generation(newest), read_generation(to))
    if len(goes) + len(comes) > MOST:
        raise Refused(_("More than %(most)d lines differ. Go back in smaller steps."), most=MOST)
    shared = Shared(to.file)
    again = {key_of(shared, line) for line in comes}
    finder = (_Assignments if shared is Shared.ASSIGN else _Names)(to, [*goes, *comes])
    offers = [(line, finder.goes(line)) for line in goes if key_of(shared, line) not in again]
    offers += [(line, finder.comes(line)) for line in comes]
    once = list({str(offer): offer for _line, offer in offers if offer}.values())
    unmatched = [line for line, offer in offers if offer is None]
    return WayBack(once, unmatched, find_broken([offer.goes for offer in once if offer.goes]))


def go_back(actor: Actor, way: WayBack) -> None:
    """All of it or, when one is refused, nothing. Whoever asks has read what breaks."""
    with transaction.atomic():
        for offer in way.offers:
            offer.act(actor)


class _Assignments:
    """Lines of users/assign: addresses of the domains we have."""

    def __init__(self, to: Generation, lines: Sequence[bytes]) -> None:
        self.layout: Layout = read_layout()
        self.domains = {one.prepend: one for one in Domain.objects.claiming()}
        self.addresses = self._find_addresses(lines)
        made = Change.objects.filter(at__gt=to.at, verb__in=[Verb.ADDED, Verb.RESTORED])
        self.made_since = set(made.values_list("target", flat=True))

    def _find_addresses(self, lines: Sequence[bytes]) -> Mapping[tuple[int, str], Address]:
        asked = [self._read(line) for line in lines]
        rows = Address.objects.claiming().filter(
            domain__in=[domain for domain, _local in asked if domain],
            local__in={local for _domain, local in asked},
        )
        return {(row.domain_id, row.local): row for row in rows.select_related("domain")}

    def _read(self, line: bytes) -> tuple[Domain | None, str]:
        key = assign.line_key(line).decode("ascii", "replace")
        number, _dash, local = key[1:].partition("-")
        prepend = read_number(number, HIGHEST_PREPEND)
        return (None if prepend is None else self.domains.get(prepend)), local

    def goes(self, line: bytes) -> Offer | None:
        """Was not there then. An address of before that only got a line since stays."""
        domain, local = self._read(line)
        address = self.addresses.get((domain.pk, local)) if domain else None
        if domain is None or address is None or address.removed or domain.removed:
            return None
        return _remove_address(address) if str(address) in self.made_since else None

    def comes(self, line: bytes) -> Offer | None:
        """Was there then."""
        domain, local = self._read(line)
        if domain is None or domain.removed:
            return _restore_domain(domain) if domain else None
        if not domain.enabled:
            return _switch_domain(domain, on=True)
        address = self.addresses.get((domain.pk, local))
        if address is None or address.removed:
            return _restore_address(address) if address else None
        home = adopt.read_home(line.decode("utf-8", "replace"), self.layout)
        if home is None or home.domain != domain.name or address.kind != Kind.ALIAS:
            return None
        return _deliver_to(address, f"{home.home}@{domain.name}")


class _Names:
    """Lines of virtualdomains, rcpthosts and morercpthosts: names of domains."""

    def __init__(self, _to: Generation, lines: Sequence[bytes]) -> None:
        names = {self._read(line).removeprefix(".") for line in lines}
        claims = Claim.objects.filter(claims=True, name__in=names).select_related("domain")
        self.claims: Mapping[str, Claim] = {claim.name: claim for claim in claims}

    @staticmethod
    def _read(line: bytes) -> str:
        return (control.host_key(line) or b"").partition(b":")[0].decode("ascii", "replace")

    def goes(self, line: bytes) -> Offer | None:
        """Was not there then: a domain is switched off, which keeps all that it has."""
        return self._find(line, on=False)

    def comes(self, line: bytes) -> Offer | None:
        """Was there then; a removed alias domain that refused is removed again."""
        return self._find(line, on=not control.is_refused(line))

    def _find(self, line: bytes, *, on: bool) -> Offer | None:
        name = self._read(line)
        claim = self.claims.get(name.removeprefix("."))
        if claim is None:
            return None
        if claim.domain.removed:
            return _restore_domain(claim.domain) if on else None
        if name.startswith("."):
            return _switch_subdomains(claim.domain, on=on)
        if claim.name == claim.domain.name:
            return _switch_domain(claim.domain, on=on)
        return _bring_name(claim) if on else _drop_name(claim)


def _restore_domain(domain: Domain) -> Offer:
    text = _("%(domain)s is restored with its addresses and their mail.")
    return Offer(text, {"domain": domain.name}, lambda actor: restore_domain(actor, domain))


def _switch_domain(domain: Domain, *, on: bool) -> Offer | None:
    if domain.enabled == on:
        return None
    text = _("%(domain)s is switched on.") if on else _("%(domain)s is switched off.")
    return Offer(text, {"domain": domain.name}, lambda actor: switch_domain(actor, domain, on=on))


def _switch_subdomains(domain: Domain, *, on: bool) -> Offer | None:
    if domain.subdomains == on:
        return None
    text = (
        _("Mail to sub-domains of %(domain)s is accepted.")
        if on
        else _("Mail to sub-domains of %(domain)s is refused.")
    )
    return Offer(
        text, {"domain": domain.name}, lambda actor: change_domain(actor, domain, subdomains=on)
    )


def _bring_name(claim: Claim) -> Offer | None:
    if not claim.removed:
        return None
    text = _("%(name)s is an alias domain of %(domain)s again.")
    named = {"name": claim.name, "domain": claim.domain.name}
    return Offer(text, named, lambda actor: restore_alias_domain(actor, claim))


def _drop_name(claim: Claim) -> Offer | None:
    if claim.removed:
        return None
    text = _("%(name)s is no alias domain of %(domain)s any more.")
    named = {"name": claim.name, "domain": claim.domain.name}
    return Offer(
        text, named, lambda actor: remove_alias_domain(actor, claim, despite_pointers=True), claim
    )


def _remove_address(address: Address) -> Offer:
    text = _("%(address)s is removed; the mail in it is kept.")

    def act(actor: Actor) -> None:
        if address.kind == Kind.MAILBOX:
            remove_mailbox(actor, address, despite_pointers=True)
        else:
            remove_alias(actor, address, despite_pointers=True)

    return Offer(text, {"address": str(address)}, act, address)


def _restore_address(address: Address) -> Offer:
    restore = restore_mailbox if address.kind == Kind.MAILBOX else restore_alias
    text = _("%(address)s is restored.")
    return Offer(text, {"address": str(address)}, lambda actor: restore(actor, address))


def _deliver_to(address: Address, target: str) -> Offer:
    text = _("%(address)s delivers to %(target)s.")
    named = {"address": str(address), "target": target}
    return Offer(
        text,
        named,
        lambda actor: change_alias(actor, address, destinations=[MailAddress(target)]),
    )
