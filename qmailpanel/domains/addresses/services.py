"""What people do with addresses of either kind. The callers hold the ledger's lock."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_sign_in
from qmailpanel.domains.access.limits import refuse_full
from qmailpanel.domains.access.rights import Right, require
from qmailpanel.domains.changes import amend, log, refuse_removed, reread, stamp
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import upcoming
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.statuses import Status, Statuses

TAKEN = {
    Kind.MAILBOX: _("%(address)s is a mailbox already. Choose another name."),
    Kind.ALIAS: _("%(address)s is an alias already. Remove the alias first."),
}


def add_address(
    actor: Actor, domain: Domain, local: LocalPart, kind: Kind, *, comment: str, **after: Any
) -> Address:
    """A new address; `after` is what the ledger shows of it besides the comment."""
    require(actor, domain, Right.ADDRESSES)
    reread(domain)
    refuse_removed(domain)
    guard_sign_in(actor, domain, local)
    refuse_full(domain, kind, local)
    free_local(domain, local)
    address = Address.objects.create(
        domain=domain, local=local, kind=kind, comment=comment, change_id=upcoming()
    )
    shown = {"comment": comment, **after} if comment else after
    stamp(log(actor, Verb.ADDED, address, before={}, after=shown), domain)
    return address


def free_local(domain: Domain, local: str) -> None:
    """Take the local part from an address whose removal is live; refuse otherwise."""
    holder = domain.addresses.claiming().filter(local=local).first()
    if holder is None:
        return
    address = f"{local}@{domain.name}"
    if not holder.removed:
        raise Refused(TAKEN[Kind(holder.kind)], "local", address=address)
    if Statuses([domain.pk]).of_address(holder) is not Status.REMOVED:
        raise Refused(_("%(address)s is still being removed."), "local", address=address)
    holder.claims = False
    holder.save(update_fields=["claims"])


def switch_address(actor: Actor, address: Address, *, on: bool) -> None:
    """Off: mail to it is refused; a mailbox keeps its mail."""
    editable(actor, address, Right.SWITCHING)
    amend(actor, Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF, address, enabled=on)


def remove_address(actor: Actor, address: Address, **after: Any) -> bool:
    """Stop delivery; the row keeps its claim on the name until that is live.

    `after` is what the ledger shows besides. Returns whether it was there.
    """
    require(actor, address.domain, Right.ADDRESSES)
    refuse_removed(address.domain)
    guard_sign_in(actor, address.domain, address.local)
    if address.removed:
        return False
    address.removed = True
    sides = {"before": {"removed": False}, "after": {"removed": True, **after}}
    stamp(log(actor, Verb.REMOVED, address, **sides), address)
    return True


def restore_address(actor: Actor, address: Address, local: str = "") -> None:
    """Undo a removal, unless somebody else has the local part by now; `local` is another one."""
    local = (address.removed and local) or address.local
    require(actor, address.domain, Right.ADDRESSES)
    refuse_removed(address.domain)
    for each in {address.local, local}:
        guard_sign_in(actor, address.domain, each)
    if address.removed:
        refuse_full(address.domain, Kind(address.kind), local)
    if local != address.local:
        refuse_unsettled(address)
        address.claims = False
    if not address.claims:
        free_local(address.domain, local)
        address.claims = True
    amend(actor, Verb.RESTORED, address, local=local, removed=False)


def refuse_unsettled(address: Address) -> None:
    """Refuse while its removal, or that of its domain, is not live."""
    if Statuses([address.domain_id]).of_address(address) in (Status.PENDING, Status.FAILED):
        raise Refused(_("%(address)s is still being removed."), "local", address=str(address))


def editable(actor: Actor, address: Address, right: Right) -> None:
    """Read it again; refuse to edit what is removed, and who lacks the right."""
    reread(address)
    require(actor, address.domain, right)
    refuse_removed(address)
