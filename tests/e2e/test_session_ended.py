"""A session ends while somebody writes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import open_tab
from tests.e2e.product import PASSWORD

pytestmark = pytest.mark.e2e

TEXT = "Back in May.\nAda"


def end_session(page: Page) -> None:
    [name] = [c["name"] for c in page.context.cookies() if "csrf" not in c["name"]]
    page.context.clear_cookies(name=name)


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill("operator@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_what_was_written_is_there_again_and_can_be_saved(page: Page, domain: str) -> None:
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_role("link", name=f"ada@{domain}").first.click()
    open_tab(page, "Delivery")
    page.get_by_label("Subject").fill("Away")
    page.get_by_label("Text").fill(TEXT)
    page.get_by_label("Reply automatically").check()
    end_session(page)
    page.get_by_role("button", name="Save auto-reply").click()
    sign_in(page)
    expect(page.get_by_text("What you wrote is here again.")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value(TEXT)
    expect(page.get_by_label("Reply automatically")).to_be_checked()
    page.get_by_role("button", name="Save auto-reply").click()
    expect(page.get_by_text("What you wrote is here again.")).to_be_hidden()
    page.reload()
    expect(page.get_by_label("Text")).to_have_value(TEXT)


def test_what_was_saved_or_left_does_not_come_back(page: Page, domain: str) -> None:
    page.goto(f"/domains/{domain}/settings/")
    page.get_by_label("Description").fill("left")
    page.goto(f"/domains/{domain}/mailboxes/")
    page.goto(f"/domains/{domain}/settings/")
    expect(page.get_by_label("Description")).not_to_have_value("left")
    expect(page.locator("#again")).to_be_hidden()
