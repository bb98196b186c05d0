"""What a removal takes along, how long it can be undone, and when the mail is destroyed.

The callers of `remove` and `restore` hold the ledger's lock.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_noop as _

from qmailpanel.domains import addresses
from qmailpanel.domains.guard import guard_sign_in
from qmailpanel.domains.limits import EXPECTED
from qmailpanel.domains.models import Address, Destination, Domain, Kind
from qmailpanel.domains.rights import Right, require, require_operator
from qmailpanel.domains.routes import way_back
from qmailpanel.domains.rows import log, reread, stamp
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.ledger.services import (
    SYSTEM,
    Actor,
    Refused,
    Status,
    Statuses,
    ledger_locked,
)

from .models import AutoReply, Mailbox, PasswordLink
from .owners import end_sessions

AT_ONCE = 100  # mailboxes that are destroyed in one go


def find_lone_aliases(address: Address) -> list[Address]:
    """The aliases of the domain that deliver to this mailbox and nowhere else.

    Not those that every domain has.
    """
    domain = address.domain
    claims = domain.names.filter(claims=True, removed=False)
    targets = [f"{address.local}@{name}" for name in claims.values_list("name", flat=True)]
    others = Destination.objects.filter(address__domain=domain).exclude(target__in=targets)
    aliases = domain.addresses.filter(
        kind=Kind.ALIAS, removed=False, destinations__target__in=targets
    )
    lone = aliases.exclude(local__in=EXPECTED).exclude(pk__in=others.values("address"))
    return list(lone.select_related("domain").distinct().order_by("local"))


def remove(actor: Actor, address: Address, aliases: list[Address]) -> None:
    """Stop delivery to a mailbox and to these aliases of it, each by a change of its own.

    The changes follow each other without a gap, by which `find_gone` knows what belongs together.
    """
    named = {"aliases": [alias.local for alias in aliases]} if aliases else {}
    mailbox = Mailbox.objects.select_related("owner").get(address=address)
    if addresses.remove_address(actor, address, **named):
        mailbox.removed_at = address.change.at
        mailbox.save(update_fields=["removed_at"])
        for alias in aliases:
            addresses.remove_address(actor, alias)
    PasswordLink.objects.filter(mailbox=mailbox).delete()
    end_sessions(mailbox)


def restore(actor: Actor, address: Address, local: str) -> None:
    """Undo a removal, if the name is free; `local` is another name."""
    aliases = find_gone(address.change) if address.removed else []
    addresses.restore_address(actor, address, local)
    Mailbox.objects.filter(address=address).update(removed_at=None)
    for alias in aliases:
        _bring_back(actor, alias, str(address))


def find_gone(change: Change) -> list[Address]:
    """The aliases that went with the mailbox in this change, and are still as they went."""
    count = len(change.after.get("aliases", ()))
    return list(
        Address.objects.filter(
            domain=change.domain,
            kind=Kind.ALIAS,
            removed=True,
            change__in=range(change.pk + 1, change.pk + 1 + count),
        ).select_related("domain")
    )


def find_left(address: Address) -> list[Address]:
    """The aliases that could not come back when this mailbox was restored just now."""
    if address.change.verb != Verb.RESTORED:
        return []
    removals = Change.objects.filter(address=address.pk, verb=Verb.REMOVED)
    last = removals.order_by("-at", "-id").first()
    return find_gone(last) if last else []


def _bring_back(actor: Actor, alias: Address, target: str) -> None:
    """Unless somebody has its name, or mail would go round."""
    if way_back(str(alias), [target]):
        return
    try:
        addresses.restore_address(actor, alias)
    except Refused:
        return
    before = [there.target for there in alias.destinations.all()]
    if target not in before:
        alias.destinations.all().delete()
        Destination.objects.create(address=alias, target=target)
        sides = {"before": {"destinations": before}, "after": {"destinations": [target]}}
        stamp(log(actor, Verb.CHANGED, alias, **sides), alias)


def refuse_purged(mailbox: Mailbox) -> None:
    """Raises Refused where there is nothing left to bring back."""
    if mailbox.purged:
        raise Refused(
            _("The mail of %(address)s is destroyed, so it cannot be restored. Add it anew."),
            address=str(mailbox.address),
        )


def has_other_owner(address: Address) -> bool:
    """Whether somebody else has the name of a removed mailbox by now."""
    others = address.domain.addresses.claiming().filter(local=address.local, removed=False)
    return others.exclude(pk=address.pk).exists()


def kept_until(mailbox: Mailbox) -> datetime | None:
    """When its mail is destroyed unless it is restored; None for never, or not removed."""
    if not mailbox.removed_at or not settings.QMAILPANEL_RETENTION_DAYS:
        return None
    return mailbox.removed_at + timedelta(days=settings.QMAILPANEL_RETENTION_DAYS)


@ledger_locked()
def purge_mailbox(actor: Actor, address: Address) -> Address:
    """Destroy the mail of a removed mailbox, or of one in a removed domain, for good.

    Its passwords go too and its name is free; the rows stay for the ledger.
    """
    reread(address)
    require(actor, address.domain, Right.ADDRESSES)
    if address.domain.removed:
        require_operator(actor)
    guard_sign_in(actor, address.domain, address.local)
    mailbox = Mailbox.objects.select_related("owner").get(address=address)
    if mailbox.purged:
        return address
    if not (address.removed or address.domain.removed):
        raise Refused(_("%(address)s is not removed. Remove it first."), address=str(address))
    addresses.refuse_unsettled(address)
    _purge(actor, address, mailbox)
    return address


def _purge(actor: Actor, address: Address, mailbox: Mailbox) -> None:
    """It is removed for itself too: with its domain it would only come back empty."""
    sides: dict[str, Any] = {"before": {}, "after": {}}
    if not address.removed:
        sides = {"before": {"removed": False}, "after": {"removed": True}}
    address.removed, address.claims = True, False
    change = log(actor, Verb.PURGED, address, **sides)
    stamp(change, address)
    mailbox.purged, mailbox.password = True, ""
    mailbox.removed_at = mailbox.removed_at or change.at
    mailbox.save(update_fields=["purged", "password", "removed_at"])
    for kept in (mailbox.app_passwords, AutoReply.objects, PasswordLink.objects):
        kept.filter(mailbox=mailbox).delete()
    end_sessions(mailbox)


def purge_due(now: datetime) -> bool:
    """Destroy what was kept long enough, by a change each. Returns whether there is more to do.

    What is not live yet waits.
    """
    if not settings.QMAILPANEL_RETENTION_DAYS:
        return False
    due = _due(now - timedelta(days=settings.QMAILPANEL_RETENTION_DAYS))
    statuses = Statuses(mailbox.address.domain_id for mailbox in due)
    settled = [m.address for m in due if _is_settled(statuses, m.address)]
    for address in settled[:AT_ONCE]:
        with suppress(Refused):  # somebody was quicker
            purge_mailbox(SYSTEM, address)
    return len(settled) > AT_ONCE


def _due(before: datetime) -> list[Mailbox]:
    """Removed before then, or in a domain that was: its removal is their last change."""
    kept = Mailbox.objects.filter(purged=False).select_related("address__domain")
    alone = kept.filter(address__removed=True, removed_at__lt=before)
    within = kept.filter(
        Q(removed_at=None) | Q(removed_at__lt=before),
        address__removed=False,
        address__domain__in=list(Domain.objects.filter(removed=True).values_list("pk", flat=True)),
        address__change__at__lt=before,
    )
    return [*alone, *within]


def _is_settled(statuses: Statuses, address: Address) -> bool:
    return statuses.of_address(address) in (Status.LIVE, Status.REMOVED)
