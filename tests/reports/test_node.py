from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from qmailpanel.reports.models import SyncNode
from qmailpanel.reports.node import find_node, is_alive


@pytest.mark.parametrize(("seconds", "running"), [(1, True), (9, True), (11, False), (None, False)])
def test_the_service_runs_as_long_as_its_heart_beats(db, settings, seconds, running):
    heartbeat = None if seconds is None else timezone.now() - timedelta(seconds=seconds)
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, heartbeat=heartbeat)
    assert is_alive(find_node()) is running


def test_the_heart_of_another_node_does_not_count(db):
    assert not is_alive(find_node())
    SyncNode.objects.create(node="elsewhere", heartbeat=timezone.now())
    assert not is_alive(find_node())
