"""What the card of an address leads to: the pages where what it says is mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import Right, Rights, shown_rights
from qmailpanel.domains.models import Address, Claim, Kind
from qmailpanel.qmail.route.ends import End, Fate

from .links import href_of


@dataclass(frozen=True)
class Act:
    """A link, and what it is for."""

    label: str
    href: str


def acts_on(user: User, row: Address, ends: list[End]) -> list[Act]:
    """What there is to do about an address that somebody has; the first mends what is wrong."""
    rights = shown_rights(user, row.domain)
    mending = [] if row.removed else _mending(row, rights, ends)
    acts = [*mending, Act(_("Open %(address)s") % {"address": row}, href_of(row))]
    if row.kind == Kind.MAILBOX and Right.PASSWORDS in rights and not row.removed:
        acts.append(Act(_("Set a password"), _part(row, "access")))
    changes = f"{reverse('activity:list')}?{urlencode({'domain': str(row)})}"
    return [*acts, Act(_("All its changes"), changes)]


def acts_at(user: User, home: Claim, address: str) -> list[Act]:
    """What there is to do about an address that nobody has in a domain of the person's."""
    domain = home.domain
    if home.removed or domain.removed or Right.ADDRESSES not in shown_rights(user, domain):
        return []
    local = urlencode({"local": address.rpartition("@")[0]})
    named = {"mailboxes": _("Add a mailbox of this name"), "aliases": _("Add an alias")}
    return [
        Act(label, f"{reverse(f'{app}:list', args=[domain.name])}?{local}")
        for app, label in named.items()
    ]


def _mending(row: Address, rights: Rights, ends: list[End]) -> list[Act]:
    """At most one: of several reasons the nearest."""
    return list(_reasons(row, rights, ends))[:1]


def _reasons(row: Address, rights: Rights, ends: list[End]) -> Iterator[Act]:
    is_mailbox, own = (
        row.kind == Kind.MAILBOX,
        {end.fate for end in ends if end.address == str(row)},
    )
    if not row.enabled and Right.SWITCHING in rights:
        yield Act(_("Switch it on"), _part(row, "more") if is_mailbox else href_of(row))
    if getattr(row, "on_hold", None) and Right.SWITCHING in rights:
        yield Act(_("Deliver again"), _part(row, "more"))
    if Fate.FULL in own and Right.QUOTAS in rights:
        yield Act(_("Raise its quota"), _part(row, "quota"))
    if _is_lost_behind(row, ends) and Right.ADDRESSES in rights:
        yield Act(_("Change where it delivers"), _part(row, "mail") if is_mailbox else href_of(row))


def _is_lost_behind(row: Address, ends: list[End]) -> bool:
    kept = {Fate.ARRIVES, Fate.ANSWERED, Fate.GOES_ON}
    return any(end.fate not in kept and end.address != str(row) for end in ends)


def _part(row: Address, name: str) -> str:
    return reverse(f"mailboxes:{name}", args=[row.domain.name, row.pk])
