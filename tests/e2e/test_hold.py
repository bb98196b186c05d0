"""Changes that gather, and reach the mail server together."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import add_mailbox, expect_status
from tests.e2e.product import wait_until
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e


def test_changes_wait_with_their_plan_until_they_are_applied(own_page, own_panel):
    page, host = own_page, own_panel.host
    page.goto("/domains/")
    page.get_by_label("New domain").fill("pandle.net")
    page.keyboard.press("Enter")
    expect_status(page, "pandle.net", "Live")
    page.goto("/sync/")
    page.get_by_role("button", name="Hold changes for review").click()
    expect(page.get_by_role("button", name="Stop holding changes")).to_be_visible()

    before = tree_of(host)
    page.goto("/domains/pandle.net/mailboxes/")
    add_mailbox(page, "biliards")
    expect_status(page, "biliards@pandle.net", "Pending")
    apply = page.get_by_role("link", name="Look at the plan and apply it")
    expect(apply).to_be_visible()
    check(page, "a row waits")
    assert tree_of(host) == before

    apply.click()
    expect(page.locator("#plan pre")).to_contain_text("biliards")
    expect(page.get_by_text("1 domain waits; all changes through")).to_be_visible()
    check(page, "the plan waits")
    assert tree_of(host) == before
    page.get_by_role("button", name="Apply these changes").click()
    expect(page.locator("#applying button")).to_have_count(0)
    expect(page.get_by_text("Nothing, but for what failed or was changed by hand.")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("0 domains")
    wait_until(lambda: host.assigned("pandle.net", "biliards") == "pandle.net/biliards")
    page.goto("/domains/pandle.net/mailboxes/")
    expect_status(page, "biliards@pandle.net", "Live")

    add_mailbox(page, "snooker")
    expect_status(page, "snooker@pandle.net", "Pending")
    assert host.assigned("pandle.net", "snooker") is None
    page.goto("/sync/")
    page.get_by_role("button", name="Stop holding changes").click()
    wait_until(lambda: host.assigned("pandle.net", "snooker"))


def tree_of(host):
    """Name and bytes of everything that qmail reads; sync's own files are not."""
    files = [path for path in host.home.rglob("*") if not _is_of_sync(path)]
    return {path: path.read_bytes() if path.is_file() else None for path in files}


def _is_of_sync(path):
    return "qmailpanel" in path.parts or path.name.startswith(".qmailpanel")
