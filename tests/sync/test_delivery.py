"""Forwarding, auto-replies and hold on the mail server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from qmailpanel.domains.departed.services import remove_responder, set_responder
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.services import change_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.models import AutoReply
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_mailbox, hold_mailbox
from qmailpanel.qmail.names import MailAddress
from qmailpanel.reports.node import answers_mail
from qmailpanel.reports.statuses import Status

AWAY: dict[str, Any] = {"on": True, "subject": "Away", "text": "Back in May.", "days": 7}


def dot_qmail(panel):
    return panel.below("pandle.net/ann/.qmail").read_text()


@pytest.fixture
def ann(panel):
    return panel.add_mailbox(panel.add_domain("pandle.net"), "ann")


@pytest.fixture
def inject(panel):
    """The host has qmail's qmail-inject, so mail can be answered."""
    program = panel.home / "bin/qmail-inject"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)


def test_a_copy_stays_before_mail_is_forwarded_or_none_does(panel, ann):
    there = [MailAddress("ann@elsewhere.example"), MailAddress("bob@pandle.net")]
    change_forwarding(SYSTEM, ann, destinations=there, keeps=True)
    panel.sync()
    forwards = "&ann@elsewhere.example\n&bob@pandle.net\n"
    assert dot_qmail(panel) == f"./Maildir/\n{forwards}"
    change_forwarding(SYSTEM, ann, destinations=there, keeps=False)
    panel.sync()
    assert dot_qmail(panel) == forwards
    change_forwarding(SYSTEM, ann, destinations=[], keeps=False)
    panel.sync()
    assert dot_qmail(panel) == "./Maildir/\n"
    assert panel.status(ann) is Status.LIVE


def test_on_hold_mail_waits_and_off_hold_it_is_delivered_as_before(panel, ann):
    hold_mailbox(SYSTEM, ann, on_hold=True)
    panel.sync()
    assert dot_qmail(panel).endswith("; exit 111\n")
    change_mailbox(SYSTEM, ann, refusal="Ann's box is being moved.")
    panel.sync()
    assert "being moved." in dot_qmail(panel)
    assert dot_qmail(panel).endswith("; exit 111\n")
    hold_mailbox(SYSTEM, ann, on_hold=False)
    panel.sync()
    assert dot_qmail(panel) == "./Maildir/\n"


def test_a_removed_mailbox_takes_no_mail_of_unknown_recipients_until_it_is_back(panel, ann):
    change_domain(SYSTEM, ann.domain, unknown=Unknown.MAILBOX, unknown_target="ann")
    panel.sync()
    default = panel.below("pandle.net/.qmail-default")
    to_ann = default.read_text()
    assert "ann@pandle.net" in to_ann
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    panel.sync()
    assert "No such mailbox here" in default.read_text()
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert default.read_text() == to_ann


def test_an_answer_stands_behind_what_is_delivered_and_forwarded(panel, ann, inject):
    panel.add_alias(ann.domain, "info", "ann@pandle.net")
    change_forwarding(SYSTEM, ann, destinations=[MailAddress("x@y.test")], keeps=True)
    change_reply(SYSTEM, ann, first=None, last=None, **AWAY)
    panel.sync()
    assert answers_mail()
    said = dot_qmail(panel).splitlines()
    assert said[:2] == ["./Maildir/", "&x@y.test"]
    assert said[-4:] == [
        "#own ann@pandle.net",
        "#own info@pandle.net",
        "#subject Away",
        "#text Back in May.",
    ]
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    panel.sync()
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert dot_qmail(panel).splitlines() == said


def test_the_service_begins_and_ends_an_answer_with_its_days(panel, ann, inject):
    today = timezone.localdate()
    change_reply(SYSTEM, ann, first=today + timedelta(1), last=today + timedelta(1), **AWAY)
    service = panel.serve()
    assert dot_qmail(panel) == "./Maildir/\n"
    for first, is_answered in ((today, True), (today - timedelta(1), False)):
        AutoReply.objects.update(first=first, last=first)
        service.replies.hurry()
        service.turn()
        assert ("mailbot" in dot_qmail(panel)) is is_answered


def test_without_mailbot_mail_is_delivered_and_nothing_is_answered(panel, ann):
    change_reply(SYSTEM, ann, first=None, last=None, **AWAY)
    panel.sync()
    assert dot_qmail(panel) == "./Maildir/\n"
    assert not answers_mail()


# people who left

LEFT: dict[str, Any] = {"subject": "Left", "text": "Write to bob.", "days": 7}


def left(panel, local="ann"):
    file = panel.below(f"pandle.net/.qmail-{local}")
    return file.read_text() if file.exists() else None


def test_who_writes_to_somebody_who_left_is_answered_until_there_is_somebody_again(
    panel, ann, inject
):
    set_responder(SYSTEM, ann.domain, target="bob@elsewhere.example", **LEFT)
    panel.sync()
    assert left(panel) is None
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    text = left(panel)
    assert text is not None
    assert text.startswith("&bob@elsewhere.example\n|")
    assert "#text Write to bob.\n" in text
    assert ".replied-ann" in text
    assert not panel.below("pandle.net/ann").exists()
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert left(panel) is None
    assert dot_qmail(panel) == "./Maildir/\n"


def test_without_a_program_that_answers_mail_of_who_left_is_only_sent_on(panel, ann):
    remove_mailbox(SYSTEM, ann)
    set_responder(SYSTEM, ann.domain, target="bob@elsewhere.example", **LEFT)
    panel.sync()
    assert left(panel) == "&bob@elsewhere.example\n"
    set_responder(SYSTEM, ann.domain, target="", **LEFT)
    panel.sync()
    assert left(panel) is None
    remove_responder(SYSTEM, ann.domain)
    panel.sync()
    assert panel.status(ann) is Status.REMOVED


def test_no_answer_takes_the_place_of_the_file_for_unknown_recipients(panel, ann, inject):
    box = panel.add_mailbox(ann.domain, "default")
    remove_mailbox(SYSTEM, box)
    set_responder(SYSTEM, ann.domain, target="", **LEFT)
    panel.sync()
    assert "bouncesaying" in (left(panel, "default") or "")
    assert panel.status(box) is Status.REMOVED


def test_whom_it_answered_goes_with_the_directory_of_the_domain(panel, ann, inject):
    set_responder(SYSTEM, ann.domain, target="", **LEFT)
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    panel.below("pandle.net/.replied-ann").write_text("x")
    remove_domain(SYSTEM, ann.domain)
    panel.sync()
    assert not panel.below("pandle.net").exists()
