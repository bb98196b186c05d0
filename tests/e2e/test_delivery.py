"""An admin lets a mailbox forward and answer, with days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import open_tab
from tests.e2e.product import Product, wait_until
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e


def test_a_mailbox_forwards_and_answers_through_a_last_day(
    page: Page, panel: Product, domain: str
) -> None:
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_role("link", name=f"ada@{domain}").first.click()
    open_tab(page, "Delivery")
    page.get_by_label("Forward to").fill("ada")
    page.get_by_role("button", name="Save forwarding").click()
    expect(page.get_by_text("cannot deliver to itself")).to_be_visible()
    page.get_by_label("Forward to").fill("bob")
    page.get_by_role("button", name="Save forwarding").click()
    home = panel.host.home / "mailnames" / domain / "ada/.qmail"
    wait_until(lambda: home.read_text() == f"./Maildir/\n&bob@{domain}\n")
    page.get_by_label("Reply automatically").check()
    page.get_by_label("Subject").fill("Away")
    page.get_by_label("Text").fill("Back in May.")
    page.get_by_label("Last day").fill((date.today() + timedelta(9)).isoformat())  # noqa: DTZ011
    page.get_by_role("button", name="Save auto-reply").click()
    expect(page.get_by_text("auto-replies wait until")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("Back in May.")
    check(page)
