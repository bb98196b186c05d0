"""When all of the host was looked at: written here only, read by the front page."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from qmailpanel.reports.models import Survey


def note_read_back() -> None:
    """Everything was compared with what is on the disk."""
    now = timezone.now()
    Survey.objects.update_or_create(node=settings.QMAILPANEL_NODE, defaults={"read_back": now})


def note_survey(domains: int, mailboxes: int) -> None:
    """It was asked of all addresses where their mail goes, and so many were there."""
    counts = {"at": timezone.now(), "domains": domains, "mailboxes": mailboxes}
    Survey.objects.update_or_create(node=settings.QMAILPANEL_NODE, defaults=counts)
