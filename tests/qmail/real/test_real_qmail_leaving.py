"""What was removed goes on refusing on a real qmail: nothing leaves, nobody else gets it."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import pytest

from qmailpanel.domains.models import Domain, Unknown
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import hold_mailbox
from qmailpanel.qmail.names import DomainName
from tests.kit.real_panel import new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import HOME, MAIL_ROOT, homes_with, needs_qmail, rcpt, smtp, wait_for

pytestmark = needs_qmail
REFUSED = {"failure: This domain is no longer served here. (#5.1.2)"}
IS_OFF = {"failure: This domain is switched off. (#5.1.2)"}


@pytest.fixture
def panel(tmp_path, transactional_db, settings):
    with real_panel(tmp_path, settings) as panel:
        panel.qmail.start()
        yield panel


@pytest.fixture
def pandle(panel) -> Domain:
    domain = new_domain("pandle.net")
    new_mailbox(domain, "biliards")
    panel.make_live()
    return domain


@contextmanager
def open_session(panel, *recipients: str):
    """A session that was open before what the block does; its mail is handed in afterwards."""
    fates: dict[str, set[str]] = {}
    with smtp() as client:
        yield fates
        for recipient in recipients:
            client.rset()
            client.mail("tester@outside.test")
            assert client.rcpt(recipient)[0] == 250
            _, reply = client.data("Subject: late\r\n\r\ntext\r\n")
            fates[recipient] = panel.qmail.fate(int(reply.split(b" qp ")[1]))


def test_a_removed_domain_refuses_what_an_open_session_still_accepts(panel, pandle):
    change_domain(SYSTEM, pandle, subdomains=True)
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    panel.make_live()
    names = ("pandle.net", "pandle.org", "mail.pandle.net")
    with open_session(panel, *(f"biliards@{name}" for name in names)) as fates:
        remove_domain(SYSTEM, pandle)
        panel.make_live()
        assert rcpt("biliards@pandle.net") == 553
    assert list(fates.values()) == [REFUSED] * 3
    assert panel.send_local(f"biliards@{alias}") == REFUSED


def test_a_domain_that_is_off_refuses_what_an_open_session_still_accepts(panel, pandle):
    """And mail of this host itself; nobody above it catches that, and it does not leave."""
    above = new_domain("above.test")
    shop = new_domain("shop.above.test")
    change_domain(SYSTEM, above, subdomains=True, unknown=Unknown.DISCARD)
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    new_mailbox(shop, "biliards")
    panel.make_live()
    wanted = [f"biliards@{name}" for name in ("pandle.net", alias.name, "shop.above.test")]
    with open_session(panel, *wanted) as fates:
        for domain in (pandle, shop):
            switch_domain(SYSTEM, domain, on=False)
        panel.make_live()
        assert [rcpt(recipient) for recipient in wanted] == [553, 553, 250]
    assert list(fates.values()) == [IS_OFF] * 3
    assert [panel.send_local(recipient) for recipient in wanted] == [IS_OFF] * 3


def test_a_removed_alias_domain_refuses_what_an_open_session_still_accepts(panel, pandle):
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    panel.make_live()
    wanted = ("biliards@pandle.org", "nobody@pandle.org", "Jane.Roe-x@pandle.org")
    with open_session(panel, *wanted, "biliards@pandle.net") as fates:
        remove_alias_domain(SYSTEM, alias)
        panel.make_live()
        assert rcpt("biliards@pandle.org") == 553
    assert fates.pop("biliards@pandle.net") == set()  # it lies in its home
    assert list(fates.values()) == [REFUSED] * 3
    assert panel.send('".left-x"@pandle.net') == REFUSED


def test_a_removed_name_below_anothers_wildcard_reaches_nobody_there(panel, pandle):
    change_domain(SYSTEM, pandle, subdomains=True)
    shop = new_domain("shop.pandle.net")
    new_mailbox(shop, "biliards")
    panel.make_live()
    assert panel.send("biliards@shop.pandle.net") == {"in shop.pandle.net/biliards"}
    remove_domain(SYSTEM, shop)
    panel.make_live()
    assert panel.send("biliards@shop.pandle.net") == REFUSED
    assert panel.send("biliards@other.pandle.net") == {"in pandle.net/biliards"}


def test_what_waits_in_the_queue_for_a_removed_domain_is_refused_beside_a_line_without_a_dash(
    panel, pandle
):
    make_other_home()
    hold_mailbox(SYSTEM, pandle.addresses.get(local="biliards"), on_hold=True)
    panel.make_live()
    message = panel.qmail.queue("biliards@pandle.net", "waiting")
    assert "deferral" in str(panel.qmail.fate(message))
    remove_domain(SYSTEM, pandle)
    panel.make_live()
    panel.qmail.signal(signal.SIGALRM)
    wait_for(lambda: len(panel.qmail.messages()[message].deliveries) > 1)
    assert panel.qmail.messages()[message].deliveries[-1].verdict == "failure"
    assert homes_with("waiting") == set()


def make_other_home() -> None:
    """Somebody else's line takes all that begins with 10."""
    home = MAIL_ROOT / "other.test/joe"
    for name in ("Maildir/new", "Maildir/cur", "Maildir/tmp"):
        (home / name).mkdir(parents=True)
    (home / ".qmail").write_text("./Maildir/\n")
    for path in (home.parent, home, *home.rglob("*")):
        os.chown(path, 110, 31)
    assign = HOME / "users/assign"
    assign.write_bytes(b"+10:popuser:110:31:%s:::\n" % bytes(home) + assign.read_bytes())
