"""A clock that jumps destroys nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.reports.models import KnownHost
from qmailpanel.sync import clock
from qmailpanel.sync.service import Service
from tests.kit.panels import Panel

HOUR, DAY, YEARS = timedelta(hours=1), timedelta(days=1), timedelta(days=3650)


@pytest.fixture
def removed(panel: Panel) -> Address:
    """A mailbox that was removed just now, with mail in the archive."""
    address = panel.add_mailbox(panel.add_domain(), "ann")
    panel.sync()
    (panel.below("pandle.net/ann") / "Maildir/new/1").write_text("hello")
    remove_mailbox(SYSTEM, address)
    panel.sync()
    return address


def purge_at(service: Service, monkeypatch: pytest.MonkeyPatch, now: datetime) -> bool:
    """The round of the service when its clock says so: is the mail purged then?"""
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: now)
        service.purge.hurry()
        service.purge.go_on()
    return Mailbox.objects.get().purged


def test_a_clock_that_is_far_ahead_purges_nothing_for_a_day(panel, removed, monkeypatch) -> None:
    service, ahead = panel.serve(), timezone.now() + YEARS
    assert not purge_at(service, monkeypatch, ahead)
    assert not purge_at(service, monkeypatch, ahead + 23 * HOUR)
    assert not purge_at(service, monkeypatch, timezone.now() + DAY)  # set right again
    assert not purge_at(service, monkeypatch, timezone.now() + 3 * DAY)
    assert list(panel.below(".archive").glob("*/Maildir/new/1"))


def test_a_day_after_a_jump_what_is_over_is_purged(panel, removed, monkeypatch) -> None:
    service, ahead = panel.serve(), timezone.now() + YEARS
    assert not purge_at(service, monkeypatch, ahead)
    assert not purge_at(service, monkeypatch, ahead + 12 * HOUR)
    assert purge_at(service, monkeypatch, ahead + DAY)


def test_a_clock_that_is_seen_first_is_not_believed_yet(panel, removed, monkeypatch) -> None:
    KnownHost.objects.update(clock=None, steady_since=None)
    service, ahead = panel.serve(), timezone.now() + YEARS
    assert not purge_at(service, monkeypatch, ahead)
    assert purge_at(service, monkeypatch, ahead + DAY)


def test_a_clock_behind_the_newest_change_is_not_believed(db, domain) -> None:
    now = timezone.now()
    assert clock.is_steady(now)
    KnownHost.objects.update(clock=now - 2 * DAY, steady_since=now - 9 * DAY)
    assert not clock.is_steady(now - 2 * DAY)


def test_a_clock_that_goes_on_is_believed(db) -> None:
    now = timezone.now()
    assert all(clock.is_steady(now + hours * HOUR) for hours in range(100))
