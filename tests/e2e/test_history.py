"""The shared files as they were, and the way back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import expect_status
from tests.e2e.product import wait_until
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e


def test_a_generation_is_compared_and_gone_back_to_through_its_preview(page, panel, domain):
    host = panel.host
    bob = f"bob@{domain}"
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_role("link", name=f"Remove {bob}").click()
    page.get_by_role("button", name=f"Remove mailbox {bob}").click()
    expect_status(page, bob, "Removed")
    before = host.lines("users/assign")
    assert host.assigned(domain, "bob") is None

    page.goto("/sync/history/")
    line = "=100-bob:".replace("100", host.prepend(domain) or "")
    expect(page.locator("pre.lines").first).to_contain_text(f"- {line}")
    check(page, "history")
    page.get_by_role("button", name="Show what differs").click()
    expect(page.locator("pre.diff")).to_contain_text(line)
    check(page, "compared")
    page.get_by_role("link", name="Back to the history").click()

    page.locator("summary").nth(1).click()
    page.get_by_role("link", name="Go back to this one").first.click()
    expect(page.get_by_role("listitem").filter(has_text=f"{bob} is restored.")).to_be_visible()
    check(page, "way back")
    assert host.lines("users/assign") == before
    page.get_by_role("button", name="Go back to this one").click()
    wait_until(lambda: host.assigned(domain, "bob") == f"{domain}/bob")
    page.goto(f"/domains/{domain}/mailboxes/")
    expect_status(page, bob, "Live")
