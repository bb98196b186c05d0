"""What is done in the browser, seen from mail programs: through a real Dovecot and deliverquota."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qmailpanel.qmail.formats.maildir import parse
from tests.e2e.conftest import WIDE, listen, running
from tests.e2e.pages import expect_status, open_tab, save
from tests.e2e.product import MailHost, enter
from tests.e2e.test_every_page import check
from tests.kit.dovecot import OWN, Dovecot, needs_dovecot, run_dovecot

pytestmark = [pytest.mark.e2e, *needs_dovecot]

HERE = "anna@pandle.net"
FIRST, SECOND = "eleven boats below a green bridge", "nine doors along the harbour"
FILL = """
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.names import MailAddress, DomainName
add_domain(SYSTEM, DomainName("pandle.net"), contact=MailAddress("o@example.org"))
"""


@pytest.fixture
def place():
    """Where the mail user and Dovecot may enter."""
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-programs-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def panel(new_panel, tmp_path, place):
    """A panel whose host has qmail's preline, Debian's deliverquota, and a Dovecot."""
    home = shutil.copytree(new_panel.state / "qmail", place / "qmail")
    preline = home / "bin/preline"
    preline.parent.mkdir(exist_ok=True)
    preline.write_text('#!/bin/sh\n[ "$1" = -f ] && shift\nexec "$@"\n')
    preline.chmod(0o755)
    shutil.copy("/bin/true", home / "bin/qmail-inject")
    host = {"QMAILPANEL_QMAIL_HOME": str(home), "QMAILPANEL_DOVECOT": "on"}
    panel = new_panel.copy_to(tmp_path / "panel", **host)
    panel.host = MailHost(home)
    panel.shell(FILL)
    with running(panel):
        yield panel


@pytest.fixture
def page(browser, panel, wrong):
    context = browser.new_context(base_url=panel.url, viewport=WIDE)
    listen(context, wrong)
    page = context.new_page()
    enter(page, panel)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def open_owner(browser, panel, wrong):
    """Signs in the owner of a mailbox."""
    context = browser.new_context(base_url=panel.url, viewport=WIDE)
    listen(context, wrong)

    def sign_in(email: str, password: str) -> Page:
        page: Page = context.new_page()
        page.goto("/sign-in/")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name=email)).to_be_visible()
        return page

    yield sign_in
    context.close()


@pytest.fixture
def dovecot(place, panel):
    with run_dovecot(OWN, place, panel.host.home / "logins") as dovecot:
        yield dovecot


def live(page: Page) -> None:
    expect(page.locator(".headline .status")).to_have_text("Live")


def deliver(home: Path, subject: str, size: int = 0) -> int:
    """As qmail-local runs the home's .qmail, as the mail user: the exit code."""
    command = (home / ".qmail").read_text()[1:].strip()
    mail = f"Subject: {subject}\n\n{'x' * size}\n".encode()
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        input=mail,
        cwd=home,
        user=110,
        group=31,
        extra_groups=[],
        check=False,
    )
    return done.returncode


def used(dovecot: Dovecot, home: Path) -> tuple[int, int]:
    """Kilobytes in the mailbox, by Dovecot and by maildirsize."""
    table = dovecot.doveadm("quota", "get", "-u", HERE).splitlines()
    storage = next(line for line in table if "STORAGE" in line)
    bytes_ = parse((home / "Maildir/maildirsize").read_bytes()).used[0]
    return int(storage.split("STORAGE")[1].split()[0]), -(-bytes_ // 1024)


def test_what_is_set_in_the_browser_opens_fills_and_closes_the_mailbox(page, panel, dovecot):
    page.goto("/domains/pandle.net/mailboxes/")
    page.get_by_label("New mailbox").fill("anna")
    page.get_by_label("Password").fill(FIRST)
    page.get_by_role("button", name="Add mailbox").click()
    expect_status(page, HERE, "Live")
    assert dovecot.imap(HERE, FIRST)
    assert dovecot.pop3(HERE, FIRST)

    page.get_by_role("link", name=HERE, exact=True).click()
    open_tab(page, "Access")
    page.get_by_label("For", exact=True).fill("phone")
    page.get_by_role("button", name="Make an app password").click()
    app = page.locator("#made").inner_text()
    live(page)
    assert (dovecot.imap(HERE, app), dovecot.pop3(HERE, app)) == (True, False)

    page.get_by_label("POP3: mail programs fetch it").uncheck()
    save(page, "Save what it opens")
    expect(page.get_by_label("POP3: mail programs fetch it")).not_to_be_checked()
    live(page)
    assert (dovecot.imap(HERE, FIRST), dovecot.pop3(HERE, FIRST)) == (True, False)

    open_tab(page, "Quota")
    page.get_by_label("Quota").fill("20 KB")
    save(page, "Set quota")
    live(page)
    home = panel.host.mail / "pandle.net/anna"
    assert deliver(home, "small", 9_000) == 0
    assert dovecot.subjects(HERE, FIRST) == ["small"]
    assert deliver(home, "large", 15_000) == 77
    page.get_by_label("Quota").fill("40 KB")
    save(page, "Set quota")
    live(page)
    assert deliver(home, "large", 15_000) == 0
    assert sorted(dovecot.subjects(HERE, FIRST)) == ["large", "small"]
    by_dovecot, by_file = used(dovecot, home)
    assert by_dovecot == by_file

    open_tab(page, "Access")
    page.get_by_label("Password", exact=True).fill(SECOND)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    page.reload()
    live(page)
    assert (dovecot.imap(HERE, SECOND), dovecot.imap(HERE, FIRST)) == (True, False)
    assert not dovecot.imap(HERE, app)


def test_the_owner_is_away_from_one_day_to_another(page, panel, open_owner):
    page.goto("/domains/pandle.net/mailboxes/")
    page.get_by_label("New mailbox").fill("anna")
    page.get_by_label("Password").fill(FIRST)
    page.get_by_role("button", name="Add mailbox").click()
    expect_status(page, HERE, "Live")
    owner, today = open_owner(HERE, FIRST), datetime.now(UTC).date()
    owner.get_by_role("link", name="Delivery", exact=True).click()
    owner.get_by_label("Reply automatically").check()
    owner.get_by_label("Subject").fill("Away")
    owner.get_by_label("Text").fill("Back on Monday.")
    owner.get_by_label("First day").fill(today.isoformat())
    owner.get_by_label("Last day").fill((today + timedelta(days=3)).isoformat())
    owner.get_by_role("button", name="Save auto-reply").click()
    expect(owner.get_by_text("It answers now.")).to_be_visible()
    live(owner)
    dot_qmail = (panel.host.mail / "pandle.net/anna/.qmail").read_text()
    assert dot_qmail.startswith("./Maildir/\n|")
    assert "#text Back on Monday.\n" in dot_qmail
    check(owner, "owner's mail")
    owner.set_viewport_size(WIDE)
    owner.get_by_label("First day").fill((today + timedelta(days=2)).isoformat())
    owner.get_by_role("button", name="Save auto-reply").click()
    expect(owner.get_by_text("It does not answer now.")).to_be_visible()
    live(owner)
    assert (panel.host.mail / "pandle.net/anna/.qmail").read_text() == "./Maildir/\n"
