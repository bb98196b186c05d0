"""What the card of an address leads to: the pages where what it says is mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import Right, Rights, shown_rights
from qmailpanel.domains.addresses.links import href_of
from qmailpanel.domains.models import Address, Claim, Kind
from qmailpanel.domains.routes.sentences import KEPT
from qmailpanel.qmail.route.ends import End, Fate


@dataclass(frozen=True)
class Act:
    """A link, and what it is for."""

    label: str
    href: str


def acts_on(user: User, row: Address, ends: list[End]) -> list[Act]:
    """What there is to do about an address that somebody has; the first mends what is wrong."""
    rights = shown_rights(user, row.domain)
    if row.removed:
        opening = _("Bring it back") if Right.ADDRESSES in rights else _("Open it")
        acts = [Act(opening, href_of(row))]
    else:
        opening = _("Open %(address)s") % {"address": row}
        acts = [*_mending(user, row, rights, ends), Act(opening, href_of(row))]
    if row.kind == Kind.MAILBOX and Right.PASSWORDS in rights and not row.removed:
        acts.append(Act(_("Set a password"), _tab(row, "access")))
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


def _mending(user: User, row: Address, rights: Rights, ends: list[End]) -> list[Act]:
    """At most one: of several reasons the nearest."""
    at_it = [end for end in ends if end.address == str(row)]
    behind = [end for end in ends if end.address != str(row) and end.fate not in KEPT]
    reasons = [*_reasons_at(user, row, rights, at_it), *_reasons_behind(row, rights, behind)]
    return reasons[:1]


def _reasons_at(user: User, row: Address, rights: Rights, ends: list[End]) -> Iterator[Act]:
    """What is wrong with the address itself."""
    fates, is_mailbox = {end.fate for end in ends}, row.kind == Kind.MAILBOX
    if not row.domain.enabled:
        if user.is_operator:
            settings = reverse("domains:settings", args=[row.domain.name])
            yield Act(_("Switch the domain on"), settings)
    elif not row.enabled and Right.SWITCHING in rights:
        yield Act(_("Switch it on"), _tab(row, "more") if is_mailbox else href_of(row))
    elif getattr(row, "on_hold", None) and Right.SWITCHING in rights:
        yield Act(_("Deliver again"), _tab(row, "more"))
    if Fate.FULL in fates and Right.QUOTAS in rights:
        yield Act(_("Raise its quota"), _tab(row, "quota"))
    if Fate.UNSURE in fates and user.is_operator:
        yield Act(_("See what is in the way"), reverse("console:page"))


def _reasons_behind(row: Address, rights: Rights, ends: list[End]) -> Iterator[Act]:
    """What is wrong where its mail goes: with an address there, or that nobody has it."""
    for end in ends:
        if end.fate is not Fate.NOBODY:
            there = f"{reverse('find:page')}?{urlencode({'q': end.address})}"
            yield Act(_("Look at %(address)s") % {"address": end.address}, there)
    if ends and Right.ADDRESSES in rights:
        there = _tab(row, "mail") if row.kind == Kind.MAILBOX else href_of(row)
        yield Act(_("Change where it delivers"), there)


def _tab(row: Address, name: str) -> str:
    return reverse(f"mailboxes:{name}", args=[row.domain.name, row.pk])
