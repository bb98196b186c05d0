"""Mail for a new mailbox that the map does not have yet, on the real qmail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.services import change_quota, hold_mailbox, switch_mailbox
from qmailpanel.qmail.names import MailAddress
from qmailpanel.sync.ahead import Way
from tests.kit.real_panel import Panel, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import MAIL_ROOT, mails_in, needs_qmail, wait_for
from tests.qmail.real.test_real_qmail_stream import Stream

pytestmark = [*needs_qmail, pytest.mark.django_db(transaction=True)]
FILE = MAIL_ROOT / "pandle.net/.qmail-new"


@pytest.fixture
def panel(tmp_path, settings, monkeypatch):
    monkeypatch.setattr("qmailpanel.sync.ahead.LARGE", 0)
    with real_panel(tmp_path, settings) as panel:
        new_mailbox(new_domain("pandle.net"), "bob")
        panel.make_live()
        panel.reconciler.ahead.start()
        panel.qmail.start()
        yield panel


def follow(panel: Panel) -> None:
    """As the service does after a while."""
    for way in reversed(Way):
        with panel.reconciler.ahead.going_on(way) as ahead:
            panel.reconciler.reconcile([], part=sorted(ahead), also=ahead, since=0)


def forward(new: Address) -> None:
    change_forwarding(SYSTEM, new, destinations=[MailAddress("bob@pandle.net")], keeps=True)


def hold(new: Address) -> None:
    hold_mailbox(SYSTEM, new, on_hold=True)


def switch_off(new: Address) -> None:
    switch_mailbox(SYSTEM, new, on=False)


def limit(new: Address) -> None:
    change_quota(SYSTEM, new, quota=5_000_000)


@pytest.mark.parametrize("act", [None, forward, hold, switch_off, limit])
def test_by_a_file_mail_fares_as_by_the_line(panel, act) -> None:
    new = new_mailbox(Domain.objects.get(), "new")
    if act:
        act(new)
    panel.make_live()
    assert FILE.exists()
    by_file = panel.send("new@pandle.net")
    seen = [_seen(path) for path in _mails()]
    follow(panel)
    assert panel.send("new@pandle.net") == by_file
    follow(panel)
    assert not FILE.exists()
    assert panel.send("new@pandle.net") == by_file
    assert [_seen(path) for path in _mails()] == seen * 3
    if act is limit:
        assert _counted() == 3


def test_none_is_lost_while_the_line_follows_and_the_file_goes(panel) -> None:
    new_mailbox(Domain.objects.get(), "new")
    panel.make_live()
    stream = Stream(panel, "new@pandle.net")
    with stream.flowing():
        for _ in range(2):
            follow(panel)
            _wait_for_more(stream)
    assert stream.verdicts() == set()
    assert len(mails_in("pandle.net/new")) == len(stream.sent)


def _wait_for_more(stream: Stream) -> None:
    enough = len(stream.sent) + 20
    wait_for(lambda: len(stream.sent) >= enough)


def _mails() -> list[Path]:
    return sorted((MAIL_ROOT / "pandle.net/new/Maildir/new").iterdir())


def _seen(path: Path) -> object:
    """What of a message tells how it came: what qmail-local wrote above it, whose it is."""
    head = path.read_bytes().partition(b"\n\n")[0].splitlines()
    status = os.stat(path)
    above = [line for line in head if line.startswith((b"Delivered-To:", b"Return-Path:"))]
    return above, status.st_uid, status.st_gid, oct(status.st_mode)


def _counted() -> int:
    """By deliverquota, in the lines below the limit. See maildirquota(7)."""
    size = MAIL_ROOT / "pandle.net/new/Maildir/maildirsize"
    return sum(int(line.split()[1]) for line in size.read_text().splitlines()[1:])
