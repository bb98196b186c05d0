"""The bar of a mailbox over its course, with the real deliverquota."""

from __future__ import annotations

import subprocess

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import listen, running
from tests.e2e.pages import open_tab, save
from tests.e2e.product import enter
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e

FILL = """
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import MailAddress, DomainName, LocalPart
domain = add_domain(SYSTEM, DomainName("pandle.net"), contact=MailAddress("o@example.org"))
for local in ("ann", "bob"):
    add_mailbox(SYSTEM, domain, LocalPart(local), quota=10_000)
"""
SECONDS = 20_000  # until the service has looked


@pytest.fixture
def panel(new_panel, tmp_path):
    """A panel on a host with deliverquota and qmail's preline, with two mailboxes."""
    panel = new_panel.copy_to(tmp_path / "panel")
    preline = panel.host.home / "bin/preline"
    preline.parent.mkdir(exist_ok=True)
    preline.write_text('#!/bin/sh\n[ "$1" = -f ] && shift\nexec "$@"\n')
    preline.chmod(0o755)
    panel.shell(FILL)
    with running(panel):
        yield panel


@pytest.fixture
def page(browser, panel, wrong):
    context = browser.new_context(base_url=panel.url)
    listen(context, wrong)
    page = context.new_page()
    enter(page, panel)
    yield page
    context.close()
    assert wrong == []


def deliver(panel, bytes_):
    """As the home's .qmail says it."""
    home = panel.host.mail / "pandle.net/ann"
    command = (home / ".qmail").read_text()[1:].strip()
    mail = b"Subject: x\n\n" + b"x" * bytes_ + b"\n"
    done = subprocess.run(["/bin/sh", "-c", command], input=mail, cwd=home, check=False)
    return done.returncode


def expect_soon(page, text):
    """The page is loaded again until it says so."""
    for _ in range(SECONDS // 500):
        page.reload()
        if page.get_by_text(text).first.is_visible():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{text} is never said: {page.content()}")


def test_the_bar_follows_the_mail_from_empty_to_full_and_the_lists_find_it(page, panel):
    page.goto("/domains/pandle.net/mailboxes/")
    page.get_by_role("link", name="ann@pandle.net", exact=True).click()
    expect(page.locator(".headline .status")).to_have_text("Live")
    expect_soon(page, "0 bytes of 9.8 KB used")
    assert [deliver(panel, 5_000), deliver(panel, 4_200)] == [0, 0]
    expect_soon(page, "Nearly full")
    check(page, "nearly full")
    assert deliver(panel, 5_000) == 77
    open_tab(page, "Quota")
    page.get_by_label("Quota").fill("20 KB")
    save(page, "Set quota")
    expect(page.locator(".headline .status")).to_have_text("Live")
    assert deliver(panel, 9_500) == 0
    expect_soon(page, "(91%)")
    page.goto("/domains/pandle.net/mailboxes/")
    page.get_by_role("link", name="1 is nearly full").click()
    expect(page.get_by_role("link", name="ann@pandle.net", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="bob@pandle.net", exact=True)).to_have_count(0)
    page.goto("/nearly-full/")
    expect(page.get_by_role("link", name="ann@pandle.net")).to_be_visible()
    check(page, "nearly full of all domains")
