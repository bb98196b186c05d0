"""The pulse: what became of the rows a page waits for, and when to look again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from django_htmx.http import trigger_client_event

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.qmail.numbers import read_number, read_numbers
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.answers import show
from qmailpanel.web.badges import (
    UNSETTLED,
    Badge,
    domain_badge,
    domain_key,
    name_badge,
)
from qmailpanel.web.notices import FIRST_WAIT, LAST_WAIT, Notice, around

from .addresses.badge import badge_of, with_state
from .frame import display, notices
from .models import Address, Claim, Domain
from .routes.fates import Fates

MOST = 200  # rows that one pulse looks at
NEWS = {
    Status.PENDING: _("%(name)s is tried again."),
    Status.LIVE: _("%(name)s is live."),
    Status.FAILED: _("%(name)s failed."),
    Status.REMOVED: _("%(name)s is removed."),
}


def show_pulse(request: PanelRequest, *, own: Address | None = None, **extra: Any) -> HttpResponse:
    """The pictures of routes on the page hear of it when a row moved."""
    context = {**_pulse_context(request, own), **extra}
    answer = show(request, "domains/pulse.html", context)
    return trigger_client_event(answer, "moved") if context["badges"] else answer


def _pulse_context(request: PanelRequest, own: Address | None) -> dict[str, Any]:
    """The rows that are no longer what the query says of them; those the person may see.

    `own`: that of the mailbox of an owner, who sees no other.
    """
    shown = _shown(request)
    here = request.GET.get("domain", "")
    wanted = _numbers("d", [*shown, here])
    domains = list(Domain.objects.for_user(request.user).filter(pk__in=wanted))
    mine = Address.objects.for_user(request.user).filter(pk__in=_numbers("a", shown))
    addresses = list(with_state(mine).select_related("domain")) if own is None else [own]
    ours = Claim.objects.for_user(request.user).select_related("domain")
    names = list(ours.filter(pk__in=_numbers("n", shown)))
    owned = {*(row.domain_id for row in addresses), *(row.domain_id for row in names)}
    statuses = Statuses({*(row.pk for row in domains), *owned})
    badges = [(domain_badge(statuses, row), display(row)) for row in domains]
    prefetch_related_objects(addresses, "destinations")
    fates = Fates(request.user, own=own.pk if own else None)
    fates.take(addresses, statuses)
    fates.read(str(row) for row in addresses)
    badges += [(badge_of(statuses, row, fates), str(row)) for row in addresses]
    badges += [(name_badge(statuses, row), display(row)) for row in names]
    named = [(badge, name) for badge, name in badges if badge.key in shown]
    moved = [(badge, name) for badge, name in named if badge.status is not shown[badge.key]]
    is_waiting = any(badge.is_unsettled for badge, _name in named)
    domain = next((row for row in domains if domain_key(row) == here), None)
    return _context(request, notices(statuses, domain), moved, is_waiting=is_waiting)


def _news(badge: Badge, name: str) -> str:
    """“Live” of what is off would say the opposite."""
    if badge.status is Status.LIVE and badge.text:
        return f"{name}: {badge.text}."
    return NEWS[badge.status] % {"name": name}


def _shown(request: PanelRequest) -> dict[str, Status]:
    """Key of a row → what the page says it is."""
    named = [(key, status) for status in UNSETTLED for key in request.GET.getlist(status)]
    return dict(named[:MOST])


def _context(
    request: PanelRequest,
    shown: list[Notice],
    moved: list[tuple[Badge, str]],
    *,
    is_waiting: bool,
) -> dict[str, Any]:
    context = around(shown, wait=_next_wait(request) if is_waiting else 0)
    return {
        **context,
        "badges": [badge for badge, _name in moved],
        "sentence": " ".join(_news(badge, name) for badge, name in moved),
        "is_news": context["notices_key"] != request.GET.get("banner"),
    }


def _next_wait(request: PanelRequest) -> int:
    """Twice as long as the last time."""
    last = read_number(request.GET.get("wait", ""), LAST_WAIT) or 0
    return min(max(2 * last, FIRST_WAIT), LAST_WAIT)


def _numbers(kind: str, keys: Iterable[str]) -> list[int]:
    """The row numbers of the keys of one kind."""
    return read_numbers(key[1:] for key in keys if key.startswith(kind))
