"""What people do with aliases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_sign_in
from qmailpanel.domains.access.limits import EXPECTED, refuse_many
from qmailpanel.domains.access.rights import Right, refuse_outside
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import log, one_line, reread, stamp
from qmailpanel.domains.models import Address, Destination, Domain, Kind
from qmailpanel.domains.routes.hops import refuse_way_back, settle_targets
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.qmail import names

MOST = 100  # destinations of one alias


@ledger_locked()
def add_alias(
    actor: Actor,
    domain: Domain,
    local: names.AliasLocal,
    destinations: Sequence[names.MailAddress],
    *,
    comment: str = "",
) -> Address:
    """A new alias; destinations named twice count once."""
    targets = _settled(f"{local}@{domain.name}", destinations)
    refuse_outside(actor, domain, targets)
    refuse_many(domain, len(targets))
    remark = one_line(comment, "comment")
    address = addresses.add_address(
        actor, domain, local, Kind.ALIAS, comment=remark, destinations=targets
    )
    _write(address, targets)
    return address


@ledger_locked()
def change_alias(
    actor: Actor,
    address: Address,
    *,
    destinations: Sequence[names.MailAddress] | None = None,
    comment: str | None = None,
) -> Address:
    """Other destinations or another comment; None leaves either alone."""
    addresses.editable(actor, address, Right.ADDRESSES)
    wanted: dict[str, Any] = {}
    if destinations is not None:
        wanted["destinations"] = _settled(str(address), destinations)
    if comment is not None:
        wanted["comment"] = one_line(comment, "comment")
    actual = {"destinations": _targets(address), "comment": address.comment}
    after = {name: value for name, value in wanted.items() if value != actual[name]}
    if "destinations" in after:
        _allow(actor, address, actual["destinations"], after["destinations"])
    if after:
        _change(actor, address, {name: actual[name] for name in after}, after)
    return address


def _allow(actor: Actor, address: Address, before: Sequence[str], after: Sequence[str]) -> None:
    guard_sign_in(actor, address.domain, address.local)
    refuse_outside(actor, address.domain, set(after) - set(before))
    if len(after) > len(before):
        refuse_many(address.domain, len(after))


def _change(actor: Actor, address: Address, before: dict[str, Any], after: dict[str, Any]) -> None:
    address.comment = after.get("comment", address.comment)
    stamp(log(actor, Verb.CHANGED, address, before=before, after=after), address)
    if "destinations" in after:
        address.destinations.all().delete()
        _write(address, after["destinations"])


@ledger_locked()
def switch_alias(actor: Actor, address: Address, *, on: bool) -> Address:
    """Off: mail to it is refused."""
    addresses.switch_address(actor, address, on=on)
    return address


@ledger_locked()
def remove_alias(actor: Actor, address: Address) -> Address:
    """Stop delivery. Every domain keeps its postmaster and abuse. See RFC 2142."""
    reread(address)
    if address.local in EXPECTED:
        raise Refused(
            _("%(address)s stays: people report trouble there. Change where it delivers instead."),
            address=str(address),
        )
    addresses.remove_address(actor, address)
    return address


@ledger_locked()
def restore_alias(actor: Actor, address: Address) -> Address:
    """Undo a removal, unless its destinations lead back to it by now."""
    reread(address)
    refuse_way_back(str(address), _targets(address))
    refuse_outside(actor, address.domain, _targets(address))
    addresses.restore_address(actor, address)
    return address


def _targets(address: Address) -> list[str]:
    return [destination.target for destination in address.destinations.all()]


def _write(address: Address, targets: Iterable[str]) -> None:
    Destination.objects.bulk_create(
        Destination(address=address, target=target) for target in targets
    )


def _settled(address: str, destinations: Sequence[names.MailAddress]) -> list[str]:
    """Each destination once, those of our own domains in lower case, none leading back."""
    targets = settle_targets(address, destinations)
    if not targets:
        raise Refused(_("Enter at least one address to deliver to."), "destinations")
    if len(targets) > MOST:
        raise Refused(
            _("An alias delivers to at most %(most)d addresses."), "destinations", most=MOST
        )
    return targets
