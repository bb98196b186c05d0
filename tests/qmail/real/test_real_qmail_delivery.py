"""A mailbox that forwards, answers, or is on hold, on the real qmail."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from qmailpanel.aliases.services import switch_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import hold_mailbox, switch_mailbox
from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from qmailpanel.qmail.names import MailAddress, MailUser
from tests.kit.disk import make_home, make_true, open_home
from tests.kit.real_panel import Panel, new_alias, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import HOME, needs_qmail, wait_for

DELIVERED, DEFERRED = 0, 111
pytestmark = [*needs_qmail, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def panel(tmp_path, settings):
    with real_panel(tmp_path, settings) as found:
        yield found


def test_a_mailbox_keeps_forwards_and_answers_once_and_waits_while_on_hold(panel):
    domain = new_domain("pandle.net")
    ann, _bob = new_mailbox(domain, "ann"), new_mailbox(domain, "bob")
    there = [MailAddress("bob@pandle.net")]
    change_forwarding(SYSTEM, ann, destinations=there, keeps=True)
    away: dict[str, Any] = {
        "on": True,
        "subject": "Away",
        "text": "In May.",
        "first": None,
        "last": None,
    }
    change_reply(SYSTEM, ann, days=7, **away)
    panel.make_live()
    panel.qmail.start()
    for _ in range(2):
        fate = panel.send("ann@pandle.net")
        assert {"in pandle.net/ann", "in pandle.net/bob"} <= fate, fate
    wait_for(lambda: _answers(panel) > 0)
    assert _answers(panel) == 1
    hold_mailbox(SYSTEM, ann, on_hold=True)
    panel.make_live()
    panel.qmail.queue("ann@pandle.net")
    wait_for(lambda: "deferral: This_mailbox_is_on_hold" in panel.qmail.log.read_text())


def test_who_writes_to_somebody_who_left_is_answered(panel):
    domain = new_domain("pandle.net")
    ann = new_mailbox(domain, "ann.lee")
    new_mailbox(domain, "bob")
    remove_mailbox(SYSTEM, ann)
    text = "Write to bob."
    set_responder(SYSTEM, domain, subject="Left", text=text, target="bob@pandle.net", days=7)
    panel.make_live()
    panel.qmail.start()
    assert "in pandle.net/bob" in panel.send("ann.lee@pandle.net")
    wait_for(lambda: _answers(panel) == 1)


def test_other_spellings_of_an_address_reach_whom_the_usual_one_reaches(panel):
    domain = new_domain("pandle.net")
    ann = new_mailbox(domain, "ann")
    new_mailbox(domain, "bob")
    new_alias(domain, "jane.roe", ["ann@pandle.net", "bob@pandle.net"])
    panel.make_live()
    panel.qmail.start()
    unusual = f"{domain.prepend}-ann"
    assert "in pandle.net/ann" in panel.send(unusual)
    assert "in pandle.net/ann" in panel.send_local(f"{unusual}@mail.vm.test")
    assert {"in pandle.net/ann", "in pandle.net/bob"} <= panel.send_local("jane:roe@pandle.net")
    switch_mailbox(SYSTEM, ann, on=False)
    switch_alias(SYSTEM, domain.addresses.get(local="jane.roe"), on=False)
    panel.make_live()
    for spelling in ("ann@pandle.net", unusual, "jane:roe@pandle.net"):
        fate = panel.send_local(spelling)
        assert not any(each.startswith("in ") for each in fate), fate


def test_what_is_live_is_what_qmail_local_can_deliver_by_as_another_mail_user(tmp_path):
    for path in (tmp_path, *list(tmp_path.parents)[:-2]):
        path.chmod(path.stat().st_mode | 0o011)
    home = make_home(tmp_path / "qmail")
    box = DomainRows(
        domain=1,
        name="pandle.net",
        prepend=100,
        change=1,
        unknown="discard",
        mailboxes=[MailboxRow(1, 1, "ann")],
    )
    make_true(open_home(home), [box])
    user = MailUser("mail", 8, 9)
    assert _deliver(home / "mailnames/pandle.net/ann", "", user) == DEFERRED
    make_true(open_home(home, mail_user=user), [box])
    assert _deliver(home / "mailnames/pandle.net/ann", "", user) == DELIVERED
    assert _deliver(home / "mailnames/pandle.net", "nobody", user) == DELIVERED


def _deliver(home: Path, ext: str, user: MailUser) -> int:
    """What qmail-local ends with as that user. See qmail-local(8) and qmail-command(8)."""
    address = ["100-x", "-" if ext else "", ext, "pandle.net", "joe@side.test", "./Maildir/"]
    with TemporaryFile() as message:
        message.write(b"Subject: x\n\nx\n")
        return subprocess.run(
            [HOME / "bin/qmail-local", "--", user.name, home, *address],
            stdin=message,
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            check=False,
        ).returncode


def _answers(panel: Panel) -> int:
    """Messages with no sender: what was answered, and nothing bounced."""
    log = panel.qmail.log.read_text()
    assert "bounce msg" not in log
    return log.count("from <>")
