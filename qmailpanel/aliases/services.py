"""What people do with aliases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.limits import refuse_many
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.addresses.services import replace_targets, write_targets
from qmailpanel.domains.changes import differing, one_line
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.routes.hops import read_targets, refuse_loop
from qmailpanel.domains.routes.pointers import references_to, refuse_pointed_to
from qmailpanel.domains.routes.rings import refuse_rings_without
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.qmail import names

MOST = 100  # destinations of one alias


def add_alias(
    actor: Actor,
    domain: Domain,
    local: names.AliasLocal,
    destinations: Sequence[names.MailAddress],
    *,
    comment: str = "",
) -> Address:
    """A new alias; destinations named twice count once."""
    with deed(actor, domain, Right.ADDRESSES) as act:
        targets = _read_targets(f"{local}@{domain.name}", destinations)
        act.refuse_outside(targets)
        refuse_many(domain, len(targets))
        line = one_line(comment, "comment")
        alias = addresses.add_address(act, local, Kind.ALIAS, comment=line, destinations=targets)
        write_targets(alias, targets)
    return alias


def change_alias(
    actor: Actor,
    address: Address,
    *,
    destinations: Sequence[names.MailAddress] | None = None,
    comment: str | None = None,
) -> Address:
    """Other destinations or another comment; None leaves either alone."""
    wanted: dict[str, Any] = {}
    with deed(actor, address, Right.ADDRESSES) as act:
        if destinations is not None:
            wanted["destinations"] = _read_targets(str(address), destinations)
        if comment is not None:
            wanted["comment"] = one_line(comment, "comment")
        actual = {"destinations": targets_of(address), "comment": address.comment}
        before, after = differing(actual, wanted)
        if "destinations" in after:
            _allow_targets(act, address.local, before["destinations"], after["destinations"])
            replace_targets(address, after["destinations"])
        if after:
            address.comment = after.get("comment", address.comment)
            act.record(Verb.CHANGED, before=before, after=after)
    return address


def _allow_targets(act: Deed, local: str, before: Sequence[str], after: Sequence[str]) -> None:
    act.guard.address(local)
    act.refuse_outside(set(after) - set(before))
    if len(after) > len(before):
        refuse_many(act.domain, len(after))


def switch_alias(actor: Actor, address: Address, *, on: bool) -> Address:
    """Off: mail to it is refused."""
    addresses.switch_address(actor, address, on=on)
    return address


def remove_alias(actor: Actor, address: Address, *, despite_pointers: bool = False) -> Address:
    """Stop delivery; asks first where others deliver to it."""
    with deed(actor, address, Right.ADDRESSES, removed=True) as act:
        addresses.refuse_expected(address)
        if not (address.removed or despite_pointers):
            refuse_pointed_to(str(address), references_to(address), actor)
        if addresses.remove_address(act, address):
            refuse_rings_without(act.domain, [address])
    return address


def restore_alias(actor: Actor, address: Address) -> Address:
    """Undo a removal, unless its destinations lead back to it by now."""
    with deed(actor, address, Right.ADDRESSES, removed=True) as act:
        targets = targets_of(address)
        refuse_loop(str(address), targets)
        act.refuse_outside(targets)
        addresses.restore_address(act, address)
    return address


def _read_targets(address: str, destinations: Sequence[names.MailAddress]) -> list[str]:
    """Each destination once, those of our own domains in lower case, none leading back."""
    targets = read_targets(address, destinations)
    if not targets:
        raise Refused(_("Enter at least one address to deliver to."), "destinations")
    if len(targets) > MOST:
        raise Refused(
            _("An alias delivers to at most %(most)d addresses."), "destinations", most=MOST
        )
    return targets
