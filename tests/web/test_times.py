"""Every time says in which zone it is, and days are those of that zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.replies import change_reply, reply_of
from qmailpanel.mailboxes.services import add_mailbox, mailbox_of
from qmailpanel.qmail.names import LocalPart

TEMPLATES = Path(__file__).parents[2] / "templates"
FORMAT = re.compile(r"""date:["']([^"']*)["']""")
AUCKLAND = "Pacific/Auckland"  # 13 hours ahead in November


def test_no_page_shows_a_time_without_its_zone() -> None:
    formats = {
        (path.name, one)
        for path in TEMPLATES.rglob("*.*")
        for one in FORMAT.findall(path.read_text())
    }
    assert len(formats) > 10
    assert [(name, one) for name, one in formats if "H" in one and not one.endswith(" T")] == []


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("UTC", "2026-11-28 17:30:00 UTC"), (AUCKLAND, "2026-11-29 06:30:00 NZDT")],
)
def test_a_time_is_shown_in_the_zone_of_the_setting_with_its_name(
    db: None, operator: User, settings, zone: str, shown: str
) -> None:
    settings.TIME_ZONE = zone
    client = Client()
    with time_machine.travel(datetime(2026, 11, 28, 17, 30, tzinfo=UTC), tick=False):
        client.force_login(operator)
        client.post("/domains/add/", {"name": "pandle.net", "contact": "me@example.org"})
        page = client.get("/activity/").content.decode()
    assert shown in page
    assert f"A day in the time of {zone}." in page


@pytest.mark.parametrize(("zone", "is_running"), [("UTC", False), (AUCKLAND, True)])
def test_a_reply_begins_with_the_day_of_the_setting(
    domain: Domain, settings, zone: str, is_running: bool
) -> None:
    settings.TIME_ZONE = zone
    ann = add_mailbox(SYSTEM, domain, LocalPart("ann"))
    day = datetime(2026, 11, 29, tzinfo=UTC).date()
    with time_machine.travel(datetime(2026, 11, 28, 17, 30, tzinfo=UTC), tick=False):
        change_reply(
            SYSTEM, ann, on=True, subject="Away", text="Away.", first=day, last=None, days=7
        )
    assert reply_of(mailbox_of(ann)).running == is_running


def test_the_filter_of_activity_asks_for_days_of_the_setting(
    as_operator: Client, domain: Domain, settings
) -> None:
    settings.TIME_ZONE = AUCKLAND
    today = f"{timezone.localdate(domain.change.at)}"
    page = as_operator.get("/activity/", {"since": today, "until": today}).content.decode()
    assert "added the domain" in page
