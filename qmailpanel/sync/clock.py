"""Whether the clock of the host can be believed: what goes for good never comes back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from qmailpanel.ledger.models import Change
from qmailpanel.reports.models import KnownHost

JUMP = timedelta(days=1)
STEADY = timedelta(days=1)  # for so long nothing goes by a clock that jumped


def is_steady(now: datetime) -> bool:
    """Note the time. Has the clock gone on for a day without a jump, ahead or back?"""
    since = note_clock(now)
    return since is not None and now - since >= STEADY


def note_clock(now: datetime) -> datetime | None:
    """Note the time. Since when has the clock gone on without a jump? None: no host is known."""
    host = KnownHost.objects.filter(node=settings.QMAILPANEL_NODE).first()
    if host is None:
        return None
    if host.steady_since is None or _has_jumped(host.clock, now):
        host.steady_since = now
    host.clock = now
    host.save(update_fields=["clock", "steady_since"])
    return host.steady_since


def _has_jumped(last: datetime | None, now: datetime) -> bool:
    """A ledger whose newest change is still to come was written by a clock that was set back."""
    newest = Change.objects.order_by("-id").values_list("at", flat=True).first()
    is_behind = newest is not None and newest - now > JUMP
    return is_behind or last is None or abs(now - last) > JUMP
