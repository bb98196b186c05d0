"""What the sync service says of its host."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from qmailpanel.reports.models import KnownHost, SyncNode

HEARTBEAT = timedelta(seconds=10)


def find_node() -> SyncNode | None:
    """What the sync service of this panel's node says of itself and of its host.

    `asking`: whether a plan waits for the operator's yes.
    """
    asking = KnownHost.objects.filter(node=OuterRef("node"), asking=True)
    here = SyncNode.objects.filter(node=settings.QMAILPANEL_NODE)
    return here.annotate(asking=Exists(asking)).first()


def is_alive(node: SyncNode | None) -> bool:
    """Has its sync service shown a sign of life lately?"""
    heartbeat = node.heartbeat if node else None
    return heartbeat is not None and heartbeat > timezone.now() - HEARTBEAT


def holds_quotas() -> bool:
    """Does the mail server count at delivery, so that it can refuse what is over a quota?"""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE, holds_quotas=True).exists()


def answers_mail() -> bool:
    """Has the mail server the program that sends auto-replies?"""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE, answers_mail=True).exists()


def knows_recipients() -> bool:
    """Does the mail server ask a list of known recipients, so that it can refuse others?"""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE, knows_recipients=True).exists()
