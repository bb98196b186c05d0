"""What a search shows: rows with the matched part marked, and the card of a whole address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.addresses.badge import badge_of
from qmailpanel.domains.addresses.links import href_of
from qmailpanel.domains.frame import display
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.sentences import mark_of
from qmailpanel.domains.targets import targets_of
from qmailpanel.mailboxes.removal.services import kept_until
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.badges import domain_badge

from .search import Found


@dataclass(frozen=True)
class Hit:
    """One row: where it leads, what was found, what is said of it, and its state."""

    href: str
    name: SafeString
    said: str
    mark: SafeString


@dataclass
class Group:
    title: str
    hits: list[Hit] = field(default_factory=list)
    has_more: bool = False


def marked(text: str, asked: str) -> SafeString:
    """The text with what was asked for marked."""
    at = text.lower().find(asked)
    if not asked or at < 0:
        return SafeString(escape(text))
    end = at + len(asked)
    return SafeString(f"{escape(text[:at])}<mark>{escape(text[at:end])}</mark>{escape(text[end:])}")


def groups_of(found: Found, asked: str, statuses: Statuses, fates: Fates) -> list[Group]:
    """All that was found, the empty ones left out."""
    more = found.has_more
    groups = [
        Group(_("Addresses"), _address_hits(found, asked, statuses, fates), "addresses" in more),
        Group(_("Domains"), list(_domain_hits(found.domains, asked, statuses)), "domains" in more),
        Group(
            _("They deliver there"),
            _target_hits(found, asked, statuses, fates),
            "destinations" in more,
        ),
        Group(_("Removed"), list(_removed_hits(found.removed, asked)), "removed" in more),
        Group(_("People"), list(_people_hits(found.people, asked)), "people" in more),
    ]
    return [group for group in groups if group.hits]


def _address_hits(found: Found, asked: str, statuses: Statuses, fates: Fates) -> list[Hit]:
    return [
        Hit(href_of(row), _name(row, asked), _said(row), _mark(statuses, fates, row))
        for row in found.addresses
    ]


def _mark(statuses: Statuses, fates: Fates, row: Address) -> SafeString:
    """Where its mail goes; of what waits for sync, or failed, that."""
    badge = badge_of(statuses, row, fates)
    if badge.is_unsettled:
        return badge.mark
    return mark_of(fates.verdict(str(row)), is_pending=fates.is_pending(str(row)))


def _name(row: Address, asked: str) -> SafeString:
    local, at, _host = asked.rpartition("@")
    name = marked(row.local, local if at else asked)
    return SafeString(f'{name}<span class="at">@{escape(display(row.domain))}</span>')


def _said(row: Address) -> str:
    targets = targets_of(row)
    if targets:
        return f"→ {', '.join(targets)}"
    return row.comment or (_("mailbox") if row.kind == Kind.MAILBOX else "")


def _target_hits(found: Found, asked: str, statuses: Statuses, fates: Fates) -> list[Hit]:
    return [
        Hit(href_of(row), marked(there.target, asked), f"← {row}", _mark(statuses, fates, row))
        for there in found.destinations
        for row in [there.address]
    ]


def _removed_hits(rows: Iterable[Address], asked: str) -> Iterator[Hit]:
    for row in rows:
        until = kept_until(row.mailbox) if row.kind == Kind.MAILBOX else None
        said = _("removed, mail kept until %(day)s") % {"day": until.date()} if until else ""
        yield Hit(href_of(row), _name(row, asked), said or _("removed"), SafeString(""))


def _domain_hits(rows: Sequence[Domain], asked: str, statuses: Statuses) -> Iterator[Hit]:
    for row in rows:
        href = reverse("domains:detail", args=[row.name])
        shown = display(row)
        name = marked(shown if asked in shown else row.name, asked)
        yield Hit(href, name, row.description, domain_badge(statuses, row).mark)


def _people_hits(rows: Iterable[User], asked: str) -> Iterator[Hit]:
    for row in rows:
        role = _("operator") if row.is_operator else ""
        href = reverse("people:person", args=[row.pk])
        yield Hit(href, marked(row.email, asked), role, SafeString(""))
