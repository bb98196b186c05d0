"""What a mailbox answers by itself, and when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.mailboxes.delivery.replies import (
    change_own_reply,
    change_reply,
    reply_of,
    turn_replies,
)
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.services import add_mailbox, mailbox_of
from qmailpanel.qmail.names import LocalPart

AWAY: dict[str, Any] = {
    "subject": "Away",
    "text": "Back in May.",
    "first": None,
    "last": None,
    "days": 7,
}


@pytest.fixture
def ann(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("ann"))


def says(ann, **wanted):
    change_reply(SYSTEM, ann, **{**AWAY, "on": True, **wanted})
    return reply_of(mailbox_of(ann))


def test_without_days_it_runs_at_once_until_it_is_switched_off(ann):
    assert says(ann).running
    assert not says(ann, on=False).running
    assert reply_of(mailbox_of(ann)).text == "Back in May.", "the text is kept for the next time"


def test_it_runs_from_the_first_day_through_the_last(ann):
    today = timezone.localdate()
    first, last = today + timedelta(3), today + timedelta(5)
    assert not says(ann, first=first, last=last).running
    ran = []
    for day in range(8):
        turn_replies(today + timedelta(day))
        ran.append(reply_of(mailbox_of(ann)).running)
    assert ran == [False, False, False, True, True, True, False, False]
    turns = Change.objects.filter(actor_name="system", noun=Noun.AUTO_REPLY, verb__in=["on", "off"])
    assert [change.verb for change in turns.order_by("id")] == [
        Verb.SWITCHED_ON,
        Verb.SWITCHED_OFF,
    ]


def test_a_day_on_which_nothing_begins_or_ends_writes_nothing(ann):
    says(ann)
    before = Change.objects.count()
    assert turn_replies(timezone.localdate()) == 0
    assert Change.objects.count() == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"first": date(2026, 5, 2), "last": date(2026, 5, 1)}, "last"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
        ({"text": " "}, "text"),
        ({"subject": ""}, "subject"),
        ({"subject": "a\nBcc: x@y.z"}, "subject"),
    ],
)
def test_what_cannot_be_said_is_refused_at_its_field(ann, wrong, field):
    with pytest.raises(Refused) as refused:
        says(ann, **wrong)
    assert refused.value.field == field


def test_the_owner_writes_their_own_unless_the_domain_withholds_it(ann, domain):
    mailbox = mailbox_of(ann)
    owner = Actor(owner_of(mailbox).pk, "ann@pandle.net", None)
    change_own_reply(owner, mailbox, on=True, **AWAY)
    assert reply_of(mailbox).running
    domain.refresh_from_db()
    domain.withheld = ["auto-reply"]
    domain.save()
    with pytest.raises(NotAllowed):
        change_own_reply(owner, mailbox, on=False, **AWAY)
