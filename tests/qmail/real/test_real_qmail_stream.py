"""Mail that keeps coming while the panel changes the host: none of it notices."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from qmailpanel.aliases.services import change_alias
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import change_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from tests.kit.real_panel import Panel, new_alias, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import HOME, MAIL_ROOT, mails_in, needs_qmail, submit, wait_for

pytestmark = needs_qmail
BACKLOG = 20  # messages


@pytest.fixture
def panel(tmp_path, transactional_db, settings):
    with real_panel(tmp_path, settings) as panel:
        panel.qmail.start()
        yield panel


class Stream:
    """Mail to one address, one after the other, for as long as the block lasts."""

    def __init__(self, panel: Panel, recipient: str) -> None:
        self.qmail = panel.qmail
        self.recipient = recipient
        self.sent: list[int] = []
        self._over = threading.Event()

    @contextlib.contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._flow)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _flow(self) -> None:
        """Not faster than qmail-send takes it: what waits for long is promised nothing."""
        while not self._over.wait(0.002):
            if len(os.listdir(HOME / "queue/todo")) < BACKLOG:
                self.sent.append(self._send())

    def _send(self) -> int:
        return self.qmail.queue(self.recipient, "stream")

    def verdicts(self) -> set[str]:
        return {
            f"{delivery.verdict} {delivery.text}"
            for message in self.qmail.ended(self.sent)
            for delivery in message.deliveries
            if delivery.verdict != "success"
        }


def test_mail_to_an_untouched_mailbox_never_bounces_and_never_waits(panel) -> None:
    new_mailbox(new_domain("pandle.net"), "biliards")
    panel.make_live()
    stream = Stream(panel, "biliards@pandle.net")
    with stream.flowing():
        for number in range(25):
            other = new_domain(f"d{number}.test")
            new_mailbox(other, "ann")
            panel.make_live()
            if number % 5:
                remove_domain(SYSTEM, other)
                panel.make_live()
    assert len(stream.sent) > 25
    assert stream.verdicts() == set()
    assert len(mails_in("pandle.net/biliards")) == len(stream.sent)


class Door(Stream):
    """Mail to several addresses in turn, through qmail-smtpd."""

    def __init__(self, panel: Panel, *recipients: str) -> None:
        super().__init__(panel, "")
        self.recipients = itertools.cycle(recipients)

    def _send(self) -> int:
        return submit(next(self.recipients), "stream")


def test_during_100_removals_and_additions_all_mail_is_accepted_and_delivered(
    panel, settings
) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 40  # so that the others are in morercpthosts
    domain = new_domain("pandle.net")
    new_mailbox(domain, "biliards")
    new_alias(domain, "bilardi", ["biliards@pandle.net"])
    new_alias(domain, "team", ["biliards@pandle.net", "bilardi@pandle.net"])
    add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    others = [new_domain(f"d{number}.test") for number in range(50)]
    panel.make_live()
    locals_ = ("biliards", "bilardi", "team")
    door = Door(
        panel, *(f"{one}@{name}" for one in locals_ for name in ("pandle.net", "pandle.org"))
    )
    with door.flowing():
        for number, other in enumerate(others):
            remove_domain(SYSTEM, other)
            panel.make_live()
            new_mailbox(new_domain(f"n{number}.test"), "ann")
            panel.make_live()
    assert len(door.sent) > 100
    assert door.verdicts() == set()


def test_mail_to_an_alias_that_changes_its_kind_never_bounces_and_never_waits(panel) -> None:
    domain = new_domain("pandle.net")
    for local in ("biliards", "ann"):
        new_mailbox(domain, local)
    one = [MailAddress("biliards@pandle.net")]
    both = [*one, MailAddress("ann@pandle.net")]
    team = new_alias(domain, "team", one)
    panel.make_live()
    stream = Stream(panel, "team@pandle.net")
    with stream.flowing():
        for number in range(25):
            change_alias(SYSTEM, team, destinations=one if number % 2 else both)
            panel.make_live()
    assert len(stream.sent) > 25
    assert stream.verdicts() == set()
    wait_for(lambda: len(mails_in("pandle.net/biliards")) == len(stream.sent))


def test_mail_to_a_mailbox_and_a_domain_that_get_other_names_never_bounces_and_never_waits(
    panel,
) -> None:
    """Through its old names, which are kept, and through its new ones as soon as they are live."""
    domain = new_domain("pandle.net")
    box = new_mailbox(domain, "biliards")
    panel.make_live()
    old, new = Door(panel, "biliards@pandle.net"), Door(panel, "billard@pandle.com")
    with old.flowing():
        rename_address(SYSTEM, box, LocalPart("billard"), keep=True)
        panel.make_live()
        rename_domain(SYSTEM, domain, DomainName("pandle.com"), keep=True)
        panel.make_live()
        with new.flowing():
            for name in ("pandle.net", "pandle.com"):
                rename_domain(SYSTEM, domain, DomainName(name), keep=True)
                panel.make_live()
    assert len(old.sent) > 25
    assert new.sent
    assert old.verdicts() | new.verdicts() == set()
    wait_for(lambda: len(mails_in("pandle.com/billard")) == len(old.sent) + len(new.sent))


def test_mail_that_is_led_to_what_is_new_with_a_change_never_bounces_and_never_leaves(
    panel,
) -> None:
    """A new mailbox gets the mail of an alias and of unknown recipients; then its domain a name."""
    domain, other = new_domain("pandle.net"), new_domain("other.test")
    alias = new_alias(other, "far", [str(new_mailbox(domain, "box"))])
    change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target="box@pandle.net")
    panel.make_live()
    far, unknown = Stream(panel, "far@other.test"), Stream(panel, "nobody@pandle.net")
    with far.flowing():
        with unknown.flowing():
            for number in range(6):
                new = [new_mailbox(domain, f"box{number}-{one}") for one in range(10)][-1]
                change_alias(SYSTEM, alias, destinations=[MailAddress(str(new))])
                change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target=str(new))
                panel.make_live()
        for name in ("pandle.com", "pandle.org"):
            rename_domain(SYSTEM, domain, DomainName(name), keep=False)
            panel.make_live()
    sent = len(far.sent) + len(unknown.sent)
    wait_for(lambda: len([*MAIL_ROOT.glob("*/*/Maildir/new/*")]) == sent, panel.qmail.log.read_text)


def test_what_was_forwarded_to_an_old_name_comes_to_it_though_qmail_is_slow(panel) -> None:
    domain, other = new_domain("pandle.net"), new_domain("other.test")
    box = new_mailbox(domain, "biliards")
    new_alias(other, "far", [str(box)])
    panel.make_live()
    panel.qmail.signal(signal.SIGSTOP)
    panel.qmail.queue(str(box), "stream")  # as far@other.test forwards it

    def go_on() -> None:
        wait_for(lambda: "billard" in (MAIL_ROOT / "other.test/.qmail-far").read_text())
        time.sleep(2.5)
        panel.qmail.signal(signal.SIGCONT)

    qmail = threading.Thread(target=go_on)
    qmail.start()
    rename_address(SYSTEM, box, LocalPart("billard"), keep=False)
    panel.make_live()
    qmail.join()
    wait_for(lambda: mails_in("pandle.net/billard") == ["stream"], panel.qmail.log.read_text)
