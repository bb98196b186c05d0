"""Every time says in which zone it is, and days are those of that zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


def test_every_time_of_day_is_one_for_programs_too() -> None:
    bare = [
        (path.name, line)
        for path in TEMPLATES.rglob("*.html")
        for line in path.read_text().splitlines()
        if any("H" in one for one in FORMAT.findall(line)) and "<time" not in line
    ]
    assert bare == []


def test_no_page_shows_a_time_without_its_zone() -> None:
    formats = {
        (path.name, one)
        for path in TEMPLATES.rglob("*.*")
        for one in FORMAT.findall(path.read_text())
    }
    assert len(formats) > 5
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


# the zone that somebody chose


AT = datetime(2026, 11, 28, 17, 30, tzinfo=UTC)


@pytest.fixture
def at_work(as_operator: Client) -> Iterator[Client]:
    """An operator in Auckland, who added a domain just now."""
    with time_machine.travel(AT, tick=False):
        as_operator.post("/security/", {"zone": AUCKLAND})
        as_operator.post("/domains/add/", {"name": "pandle.net", "contact": "me@example.org"})
        yield as_operator


def test_who_chose_a_time_zone_is_shown_times_in_it_and_nobody_else_is(at_work: Client) -> None:
    page = at_work.get("/activity/").content.decode()
    assert '<time datetime="2026-11-29T06:30:00+13:00"' in page
    assert "2026-11-29 06:30:00 NZDT" in page
    assert "UTC" not in page
    other = Client()
    other.force_login(User.objects.create(email="b@example.org", is_operator=True, password="x"))
    assert "2026-11-28 17:30:00 UTC" in other.get("/activity/").content.decode()


def test_days_of_a_filter_are_those_of_the_zone_that_was_chosen(at_work: Client) -> None:
    def found(day: str) -> bool:
        page = at_work.get("/activity/", {"since": day, "until": day}).content.decode()
        assert f"A day in the time of {AUCKLAND}." in page
        return "added the domain" in page

    assert (found("2026-11-28"), found("2026-11-29")) == (False, True)


def test_an_export_has_utc_and_says_so_whatever_was_chosen(at_work: Client, settings) -> None:
    settings.TIME_ZONE = AUCKLAND
    lines = b"".join(at_work.get("/activity/export.csv")).decode().splitlines()
    assert "time (UTC)" in lines[0]
    assert "2026-11-28T17:30:00+00:00" in lines[1]


def test_a_reply_that_somebody_sets_from_elsewhere_begins_with_the_day_of_the_host(
    at_work: Client,
) -> None:
    domain = Domain.objects.get()
    ann = add_mailbox(SYSTEM, domain, LocalPart("ann"))
    reply = {"on": "on", "subject": "Away", "text": "Away.", "first": "2026-11-29", "days": "7"}
    at_work.post(f"/domains/pandle.net/mailboxes/{ann.pk}/mail/", {"part": "reply", **reply})
    assert f"{reply_of(mailbox_of(ann)).first}" == "2026-11-29"
    assert not reply_of(mailbox_of(ann)).running


def test_the_choice_names_the_zone_of_the_host_and_keeps_what_was_chosen(at_work: Client) -> None:
    page = at_work.get("/security/").content.decode()
    assert "That of this host: UTC" in page
    assert f'<option value="{AUCKLAND}" selected>Auckland</option>' in page


@pytest.mark.parametrize("zone", ["Europe/Xyz", "../zone", "posixrules"])
def test_a_zone_that_is_none_is_refused_at_its_field(at_work: Client, zone: str) -> None:
    answer = at_work.post("/security/", {"zone": zone})
    assert answer.status_code == 422
    assert "Choose one of the list." in answer.content.decode()
    assert User.objects.get().zone == AUCKLAND


def test_a_zone_that_the_host_knows_no_more_is_as_if_none_was_chosen(at_work: Client) -> None:
    User.objects.update(zone="Atlantis/Poseidonis")
    assert "2026-11-28 17:30:00 UTC" in at_work.get("/activity/").content.decode()
