"""What people do with addresses of either kind, as part of a deed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.limits import EXPECTED, refuse_full
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.changes import refuse_removed
from qmailpanel.domains.models import Address, Destination, Domain, Kind
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import upcoming
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.statuses import Status, Statuses

TAKEN = {
    Kind.MAILBOX: _("%(address)s is a mailbox already. Choose another name."),
    Kind.ALIAS: _("%(address)s is an alias already. Remove the alias first."),
}
TAKEN_BY_EXPECTED = _(
    "%(address)s is an alias that every domain keeps. Change where it delivers instead."
)
STAYS = {
    Kind.MAILBOX: _(
        "%(address)s stays: people report trouble there. "
        "Rename the mailbox first, and keep this address as an alias."
    ),
    Kind.ALIAS: _(
        "%(address)s stays: people report trouble there. Change where it delivers instead."
    ),
}


def add_address(act: Deed, local: LocalPart, kind: Kind, *, comment: str, **after: Any) -> Address:
    """A new address; `after` is what the ledger shows of it besides the comment."""
    act.guard.address(local)
    refuse_full(act.domain, kind, local)
    free_local(act.domain, local)
    address = Address.objects.create(
        domain=act.domain, local=local, kind=kind, comment=comment, change_id=upcoming()
    )
    act.record(Verb.ADDED, address, after={"comment": comment, **after} if comment else after)
    return address


def free_local(domain: Domain, local: str) -> None:
    """Take the local part from an address whose removal is live; refuse otherwise."""
    holder = domain.addresses.claiming().filter(local=local).first()
    if holder is None:
        return
    address = f"{local}@{domain.name}"
    if not holder.removed:
        raise Refused(_why_taken(holder), "local", address=address)
    if Statuses([domain.pk]).of_address(holder) is not Status.REMOVED:
        raise Refused(_("%(address)s is still being removed."), "local", address=address)
    holder.claims = False
    holder.save(update_fields=["claims"])


def _why_taken(holder: Address) -> str:
    if holder.kind == Kind.ALIAS and holder.local in EXPECTED:
        return TAKEN_BY_EXPECTED
    return TAKEN[Kind(holder.kind)]


def refuse_expected(address: Address) -> None:
    """Every domain keeps its postmaster and abuse, and they take mail. See RFC 2142."""
    if address.local in EXPECTED:
        raise Refused(STAYS[Kind(address.kind)], address=str(address))


def switch_address(actor: Actor, address: Address, *, on: bool) -> None:
    """Off: mail to it is refused; a mailbox keeps its mail."""
    with deed(actor, address, Right.SWITCHING) as act:
        act.guard.address(address.local)
        if not on:
            refuse_expected(address)
        act.change(address, Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF, enabled=on)


def remove_address(act: Deed, address: Address, **after: Any) -> bool:
    """Stop delivery; the row keeps its claim on the name until that is live.

    `after` is what the ledger shows besides. Returns whether it was there.
    """
    refuse_removed(act.domain)
    act.guard.address(address.local)
    if address.removed:
        return False
    refuse_expected(address)
    address.removed = True
    gone = {"removed": True, **after}
    act.record(Verb.REMOVED, address, before={"removed": False}, after=gone)
    return True


def restore_address(act: Deed, address: Address, local: str = "") -> None:
    """Undo a removal, unless somebody else has the local part by now; `local` is another one."""
    local = (address.removed and local) or address.local
    refuse_removed(act.domain)
    for each in {address.local, local}:
        act.guard.address(each)
    if address.removed:
        refuse_full(act.domain, Kind(address.kind), local)
    if local != address.local:
        refuse_pending(address)
        address.claims = False
    if not address.claims:
        free_local(act.domain, local)
        address.claims = True
    is_renamed = local != address.local
    change = act.change(address, Verb.RESTORED, local=local, removed=False)
    if change and is_renamed:
        act.domain.frame = change.pk  # what was there for its old name goes, which no row has now
        act.domain.save(update_fields=["frame"])


def refuse_pending(address: Address) -> None:
    """Refuse while its removal, or that of its domain, is not live."""
    if Statuses([address.domain_id]).of_address(address) in (Status.PENDING, Status.FAILED):
        raise Refused(_("%(address)s is still being removed."), "local", address=str(address))


def replace_targets(address: Address, targets: Iterable[str]) -> None:
    """These destinations instead."""
    address.destinations.all().delete()
    write_targets(address, targets)


def write_targets(address: Address, targets: Iterable[str]) -> None:
    """The destinations of an address that has none."""
    rows = (Destination(address=address, target=target) for target in targets)
    Destination.objects.bulk_create(rows)
