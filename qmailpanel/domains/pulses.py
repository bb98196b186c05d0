"""The pulse: what became of the rows a page waits for, and when to look again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.ledger.services import Status, Statuses

from .frame import (
    FIRST_WAIT,
    LAST_WAIT,
    Badge,
    Notice,
    address_badge,
    around,
    display,
    domain_badge,
    domain_key,
    notices,
)
from .models import Address, Domain

MOST = 200  # rows that one pulse looks at
NEWS = {
    Status.LIVE: _("%(name)s is live."),
    Status.FAILED: _("%(name)s failed."),
    Status.REMOVED: _("%(name)s is removed."),
}


def pulse_context(request: PanelRequest) -> dict[str, Any]:
    """The rows named in the query that are no longer pending; those the person may see."""
    keys = request.GET.getlist("row")[:MOST]
    here = request.GET.get("domain", "")
    wanted = _numbers("d", [*keys, here])
    domains = list(Domain.objects.for_user(request.user).filter(pk__in=wanted))
    mine = Address.objects.for_user(request.user).filter(pk__in=_numbers("a", keys))
    addresses = list(mine.select_related("domain"))
    statuses = Statuses({*(row.pk for row in domains), *(row.domain_id for row in addresses)})
    badges = [(domain_badge(statuses, row), display(row)) for row in domains]
    badges += [(address_badge(statuses, row), str(row)) for row in addresses]
    named = [(badge, name) for badge, name in badges if badge.key in keys]
    domain = next((row for row in domains if domain_key(row) == here), None)
    return _context(request, notices(statuses, domain), named)


def _context(
    request: PanelRequest, said: list[Notice], badges: list[tuple[Badge, str]]
) -> dict[str, Any]:
    settled = [(badge, name) for badge, name in badges if not badge.is_pending]
    is_waiting = len(settled) < len(badges)
    context = around(said, wait=_next_wait(request) if is_waiting else 0)
    return {
        **context,
        "badges": [badge for badge, _name in settled],
        "said": " ".join(NEWS[badge.status] % {"name": name} for badge, name in settled),
        "is_news": context["notices_key"] != request.GET.get("banner"),
    }


def _next_wait(request: PanelRequest) -> int:
    """Twice as long as the last time."""
    wait = request.GET.get("wait", "")
    last = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0
    return min(max(2 * last, FIRST_WAIT), LAST_WAIT)


def _numbers(kind: str, keys: Iterable[str]) -> list[int]:
    """The row numbers of the keys of one kind."""
    found = (key[1:] for key in keys if key.startswith(kind) and len(key) < 18)
    return [int(number) for number in found if number.isascii() and number.isdigit()]
