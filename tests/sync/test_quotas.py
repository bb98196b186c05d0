"""Quotas on the mail server: the limit in maildirsize, and who holds it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_quota, mailbox_of
from qmailpanel.qmail.plan.steps import LimitHome, describe
from qmailpanel.reports.node import holds_quotas
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.reconcile import Reconciler, open_host

DELIVERQUOTA = Path("/usr/sbin/deliverquota")


def size(panel, home="pandle.net/ann"):
    return panel.below(f"{home}/Maildir/maildirsize").read_text().splitlines()


def dot_qmail(panel):
    return panel.below("pandle.net/ann/.qmail").read_text()


@pytest.fixture
def ann(panel):
    domain = panel.add_domain("pandle.net")
    return panel.add_mailbox(domain, "ann")


@pytest.fixture
def preline(panel):
    """The host has qmail's preline, so deliverquota can be used."""
    program = panel.home / "bin/preline"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\n[ "$1" = -f ] && shift\nexec "$@"\n')
    program.chmod(0o755)
    panel.reconciler = Reconciler(open_host())
    return program


def test_a_new_mailbox_is_made_with_its_limit(panel, ann):
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    assert size(panel) == ["5000S,0C", "           0            0"]
    assert panel.status(ann) is Status.LIVE


def test_another_limit_keeps_what_was_counted(panel, ann):
    panel.sync()
    file = panel.below("pandle.net/ann/Maildir/maildirsize")
    file.write_text("0S,0C\n        1500            3\n         -20           -1\n")
    for quota, first in ((5000, "5000S,0C"), (7000, "7000S,0C"), (0, "0S,0C")):
        change_quota(SYSTEM, ann, quota=quota)
        panel.sync()
        assert size(panel) == [first, "        1500            3", "         -20           -1"]


def test_messages_are_limited_too(panel, ann, preline):
    change_quota(SYSTEM, ann, quota=0, messages=2)
    panel.sync()
    assert size(panel)[0] == "0S,2C"
    assert [deliver(panel, 100), deliver(panel, 100), deliver(panel, 100)] == [0, 0, 77]
    change_quota(SYSTEM, ann, messages=3)
    panel.sync()
    assert deliver(panel, 100) == 0
    change_quota(SYSTEM, ann, messages=0)
    panel.sync()
    assert size(panel)[0] == "0S,0C"
    assert dot_qmail(panel) == "./Maildir/\n"


def test_a_limit_that_others_changed_is_mended(panel, ann):
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    for text in ("9999S\n 1 1\n", "5000s\n", ""):
        panel.below("pandle.net/ann/Maildir/maildirsize").write_text(text)
        panel.sync()
        panel.sync()
        assert size(panel)[0] == "5000S,0C"


def test_a_restored_mailbox_has_its_limit_and_its_count(panel, ann):
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    file = panel.below("pandle.net/ann/Maildir/maildirsize")
    file.write_text("5000S,0C\n        1500            3\n")
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert size(panel) == ["5000S,0C", "        1500            3"]


def test_without_deliverquota_mail_is_delivered_plainly_and_that_is_said(panel, ann):
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    assert dot_qmail(panel) == "./Maildir/\n"
    assert not holds_quotas()


def test_with_deliverquota_a_limited_mailbox_is_delivered_through_it(panel, ann, preline):
    panel.sync()
    assert dot_qmail(panel) == "./Maildir/\n"
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    assert dot_qmail(panel) == f"|{preline} -f {DELIVERQUOTA} ./Maildir\n"
    assert holds_quotas()
    change_quota(SYSTEM, ann, quota=0)
    panel.sync()
    assert dot_qmail(panel) == "./Maildir/\n"


def deliver(panel, bytes_: int) -> int:
    """As qmail-local runs the line of the home: the exit code."""
    home = panel.below("pandle.net/ann")
    command = dot_qmail(panel)[1:].strip()
    mail = b"Subject: x\n\n" + b"x" * bytes_ + b"\n"
    done = subprocess.run(["/bin/sh", "-c", command], input=mail, cwd=home, check=False)
    return done.returncode


def test_the_real_deliverquota_refuses_what_is_over_the_limit_and_takes_it_once_raised(
    panel, ann, preline
):
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    assert [deliver(panel, 2000), deliver(panel, 2000), deliver(panel, 2000)] == [0, 0, 77]
    assert mailbox_of(ann).quota == 5000
    change_quota(SYSTEM, ann, quota=10_000)
    panel.sync()
    assert deliver(panel, 2000) == 0
    assert len(list(panel.below("pandle.net/ann/Maildir/new").iterdir())) == 3
    assert size(panel)[0] == "10000S,0C"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((0, 0), "unlimit home d.net/a"),
        ((5000, 0), "limit home d.net/a to 5000 bytes"),
        ((5000, 9), "limit home d.net/a to 5000 bytes and 9 messages"),
    ],
)
def test_the_plan_says_which_limits(limits, said):
    assert describe(LimitHome("d.net/a", limits)) == said
