"""What is done when its day has come."""

from __future__ import annotations

from django.utils import timezone

from qmailpanel.mailboxes.delivery.replies import turn_replies
from qmailpanel.mailboxes.removal.services import purge_due
from qmailpanel.qmail.pause import Round
from qmailpanel.sync.clock import is_steady


def purge_when_due() -> Round[None]:
    """Destroy mail whose time in the archive is over, by a clock that can be believed."""
    now = timezone.now()
    while is_steady(now) and purge_due(now):
        yield
        now = timezone.now()


def turn_replies_when_due() -> None:
    """Start and end auto-replies with their days."""
    turn_replies(timezone.localdate())
