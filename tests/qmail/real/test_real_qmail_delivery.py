"""A mailbox that forwards, answers, or is on hold, on the real qmail."""

from __future__ import annotations

from typing import Any

import pytest

from qmailpanel.domains.departed.services import set_responder
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import hold_mailbox
from qmailpanel.qmail.names import MailAddress
from tests.kit.real_panel import Panel, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import needs_qmail, wait_for

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


def _answers(panel: Panel) -> int:
    """Messages with no sender: what was answered, and nothing bounced."""
    log = panel.qmail.log.read_text()
    assert "bounce msg" not in log
    return log.count("from <>")
