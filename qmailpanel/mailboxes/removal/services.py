"""What a removal takes along, how long it can be undone, and when the mail is purged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.factors import delete_factors
from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.limits import EXPECTED
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.addresses.services import replace_targets
from qmailpanel.domains.changes import differing
from qmailpanel.domains.models import Address, Destination, Domain, DomainQuerySet, Kind
from qmailpanel.domains.routes.hops import Routes, refuse_loop
from qmailpanel.domains.routes.pointers import aliases_to, references_to, refuse_pointed_to
from qmailpanel.domains.routes.references import Reference
from qmailpanel.domains.routes.rings import refuse_rings_without
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes import quotas
from qmailpanel.mailboxes.models import AutoReply, Mailbox, PasswordLink
from qmailpanel.mailboxes.owners import end_sessions
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.statuses import live_or_removed

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # before all that is removed
AT_ONCE = 100  # mailboxes that are purged in one go


def find_lone_aliases(address: Address, references: Sequence[Reference]) -> list[Address]:
    """Of these references to the mailbox, the aliases of its domain that deliver nowhere else.

    Not those that every domain has.
    """
    aliases = aliases_to(address, references)
    named = {row.target for row in references}
    others = Destination.objects.filter(address__in=aliases).exclude(target__in=named)
    busy = set(others.values_list("address", flat=True)) if aliases else set()
    return [alias for alias in aliases if alias.pk not in busy and alias.local not in EXPECTED]


def find_gone(change: Change) -> list[Address]:
    """The aliases that went with the mailbox in this change, and are still as they went."""
    count = len(change.after.get("aliases", ()))
    if not count:
        return []
    return list(
        Address.objects.filter(
            domain=change.domain,
            kind=Kind.ALIAS,
            removed=True,
            change__in=range(change.pk + 1, change.pk + 1 + count),
        )
        .select_related("domain")
        .prefetch_related("destinations")
    )


def find_missing(address: Address) -> list[Address]:
    """The aliases that could not come back when this mailbox was restored just now."""
    if address.change.verb != Verb.RESTORED:
        return []
    removals = Change.objects.filter(address=address.pk, verb=Verb.REMOVED)
    last = removals.order_by("-at", "-id").first()
    return find_gone(last) if last else []


def refuse_purged(mailbox: Mailbox) -> None:
    """Raises Refused where there is nothing left to bring back."""
    if mailbox.purged:
        raise Refused(
            _("The mail of %(address)s is purged, so it cannot be restored. Add it anew."),
            address=str(mailbox.address),
        )


def has_other_owner(address: Address) -> bool:
    """Whether somebody else has the name of a removed mailbox by now."""
    others = address.domain.addresses.claiming().filter(local=address.local, removed=False)
    return others.exclude(pk=address.pk).exists()


def kept_until(mailbox: Mailbox) -> datetime | None:
    """When its mail is purged unless it is restored; None for never, or not removed."""
    if not mailbox.removed_at or not settings.QMAILPANEL_RETENTION_DAYS:
        return None
    return mailbox.removed_at + timedelta(days=settings.QMAILPANEL_RETENTION_DAYS)


def purge_mailbox(actor: Actor, address: Address) -> Address:
    """Purge the mail of a removed mailbox, or of one in a removed domain, for good.

    Its passwords go too and its name is free; the rows stay for the ledger.
    """
    with deed(actor, address, Right.ADDRESSES, removed=True) as act:
        if act.domain.removed:
            act.require_operator()
        act.guard.address(address.local)
        mailbox = address.mailbox
        if not mailbox.purged:
            _refuse_present(address)
            _purge_mailbox(act, mailbox)
    return address


def _refuse_present(address: Address) -> None:
    if not (address.removed or address.domain.removed):
        raise Refused(_("%(address)s is not removed. Remove it first."), address=str(address))
    addresses.refuse_pending(address)


def _purge_mailbox(act: Deed, mailbox: Mailbox) -> None:
    """It is removed for itself too: with its domain it would only come back empty."""
    address = mailbox.address
    before, after = differing({"removed": address.removed}, {"removed": True})
    address.removed, address.claims = True, False
    change = act.record(Verb.PURGED, before=before, after=after)
    mailbox.purged, mailbox.password = True, ""
    mailbox.removed_at = mailbox.removed_at or change.at
    mailbox.save(update_fields=["purged", "password", "removed_at"])
    for kept in (mailbox.app_passwords, AutoReply.objects, PasswordLink.objects):
        kept.filter(mailbox=mailbox).delete()
    end_sessions(mailbox)
    if mailbox.owner:
        delete_factors(mailbox.owner)


def purge_due(now: datetime) -> bool:
    """Purge what was kept long enough, by a change each. Returns whether there is more to do.

    What is not live yet waits.
    """
    if not settings.QMAILPANEL_RETENTION_DAYS:
        return False
    due = _find_due(now - timedelta(days=settings.QMAILPANEL_RETENTION_DAYS))
    for address in due[:AT_ONCE]:
        with suppress(Refused):  # somebody was quicker
            purge_mailbox(SYSTEM, address)
    return len(due) > AT_ONCE


def _find_due(before: datetime) -> list[Address]:
    """Removed before then, or in a domain that was.

    One more than is destroyed in one go.
    """
    kept = Mailbox.objects.select_related("address").filter(
        live_or_removed(
            domain="address__domain",
            address="address",
            changes=("address__change", "address__domain__whole"),
        ),
        purged=False,
    )
    alone = kept.filter(address__removed=True).filter(_is_past("removed_at", before))
    within = kept.filter(
        Q(removed_at=None) | _is_past("removed_at", before),
        address__removed=False,
        address__domain__in=_removed_before(before),
    )
    most = AT_ONCE + 1
    oldest = alone.order_by("removed_at")[:most]
    return [mailbox.address for mailbox in (*oldest, *within[:most])]


def _is_past(column: str, moment: datetime) -> Q:
    """Nothing that is no time, of which SQLite may say that it is smaller, is a reason to purge."""
    return Q((f"{column}__gte", BEGINNING), (f"{column}__lt", moment))


def _removed_before(moment: datetime) -> DomainQuerySet:
    removals = Change.objects.filter(_is_past("at", moment), pk=OuterRef("whole"))
    return Domain.objects.filter(Exists(removals), removed=True)


def remove_mailbox(
    actor: Actor, address: Address, *, despite_pointers: bool = False, with_aliases: bool = False
) -> Address:
    """Stop delivery and archive the mail; asks first where others deliver to it.

    `with_aliases`: those of the domain that deliver there and nowhere else go with it.
    """
    with deed(actor, address, Right.ADDRESSES, removed=True) as act:
        is_asked = not (address.removed or despite_pointers)
        references = references_to(address) if with_aliases or is_asked else []
        aliases = find_lone_aliases(address, references) if with_aliases else []
        if is_asked:
            staying = [row for row in references if row.holder not in aliases]
            refuse_pointed_to(str(address), staying, actor)
        _remove_mailbox(act, address, aliases)
    return address


def _remove_mailbox(act: Deed, address: Address, aliases: Sequence[Address]) -> None:
    """Each by a change of its own, without a gap: `find_gone` knows what belongs together."""
    named = {"aliases": [alias.local for alias in aliases]} if aliases else {}
    mailbox = address.mailbox
    if addresses.remove_address(act, address, **named):
        mailbox.removed_at = address.change.at
        mailbox.save(update_fields=["removed_at"])
        for alias in aliases:
            addresses.remove_address(act, alias)
        refuse_rings_without(act.domain, [address, *aliases])
    PasswordLink.objects.filter(mailbox=mailbox).delete()
    end_sessions(mailbox)


def restore_mailbox(actor: Actor, address: Address, *, local: LocalPart | None = None) -> Address:
    """Undo a removal, unless what it forwards leads back to it by now; else as it was.

    `local`: under another name. Aliases that went with it come back where their names are free.
    """
    with deed(actor, address, Right.ADDRESSES, removed=True) as act:
        if address.removed:
            mailbox = address.mailbox
            refuse_purged(mailbox)
            targets = targets_of(address)
            refuse_loop(f"{local or address.local}@{act.domain.name}", targets)
            if not _is_undo(act, address, local):
                act.refuse_outside(targets)
            quotas.refuse_pool(act.domain, mailbox.quota, besides=mailbox)
        _restore_mailbox(act, address, local or "")
    return address


def _is_undo(act: Deed, address: Address, local: LocalPart | None) -> bool:
    """Whether the person takes back a removal of their own, and all is as it was."""
    is_own = act.admin is not None and address.change.actor_id == act.admin.pk
    return is_own and local in (None, address.local)


def _restore_mailbox(act: Deed, address: Address, local: str) -> None:
    aliases = find_gone(address.change) if address.removed else []
    addresses.restore_address(act, address, local)
    Mailbox.objects.filter(address=address).update(removed_at=None)
    target = str(address)
    arrives = Routes().find_origins([target]) if aliases else {}
    for alias in aliases:
        if str(alias) not in arrives:  # else mail would go round
            _restore_alias(act, alias, target)


def _restore_alias(act: Deed, alias: Address, target: str) -> None:
    """Unless somebody has its name."""
    try:
        addresses.restore_address(act, alias)
    except Refused:
        return
    before = targets_of(alias)
    if target not in before:
        replace_targets(alias, [target])
        after = {"destinations": [target]}
        act.record(Verb.CHANGED, alias, before={"destinations": before}, after=after)
