"""The owner of a mailbox: the first password by a link, and a day on the owner's pages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import WIDE
from tests.e2e.pages import expect_copied, open_tab
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e

FIRST = "eleven boats below a green bridge"


@pytest.fixture
def link(page: Page, domain: str) -> str:
    """An admin adds a mailbox without a password, and makes a link for its owner."""
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_label("New mailbox").fill("anna")
    page.get_by_role("button", name="Add mailbox").click()
    page.get_by_role("link", name=f"anna@{domain}", exact=True).click()
    open_tab(page, "Access")
    page.get_by_role("button", name="Make a link for the owner").click()
    expect(page.get_by_text("Hand this link to the owner.")).to_be_visible()
    text = page.locator("#copy-link").inner_text()
    check(page, "mailbox with a link")
    page.set_viewport_size(WIDE)
    expect_copied(page, "Copy the link", text)
    return text


def test_the_owners_day(link, open_page, domain):
    page, here = open_page(), f"anna@{domain}"
    page.goto(link)
    check(page, "link for the owner")
    page.get_by_label("Password").fill("anna")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Choose a longer one")).to_be_visible()
    page.get_by_label("Password").fill(FIRST)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name=here)).to_be_visible()
    check(page, "owner")
    page.set_viewport_size(WIDE)
    open_tab(page, "App passwords")
    page.get_by_label("For", exact=True).fill("phone")
    page.get_by_role("button", name="Make an app password").click()
    made = page.locator("#made")
    expect(made).to_have_text(re.compile("^(....-){3}....$"))
    check(page, "owner's app passwords")
    page.reload()
    expect(made).to_have_count(0)
    page.get_by_role("button", name="Remove phone").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    page.set_viewport_size(WIDE)
    open_tab(page, "Mail programs")
    expect_copied(page, "Copy the user name", here)
    check(page, "owner's mail programs")
    page.set_viewport_size(WIDE)
    open_tab(page, "Security")
    expect(page.get_by_text("Mail programs are not asked for it")).to_be_visible()
    check(page, "owner's security")
    page.set_viewport_size(WIDE)
    open_tab(page, "Sign-ins")
    expect(page.get_by_text("from 127.0.0.1")).to_be_visible()
    check(page, "owner's sign-ins")


def test_an_admin_asks_for_another_password_and_opens_and_closes_ways_in(page, open_page, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_role("link", name=f"bob@{domain}", exact=True).click()
    open_tab(page, "Access")
    page.get_by_label("Password", exact=True).fill(FIRST)
    page.get_by_label("Must choose a new password at the next sign-in").check()
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("no mail program can use it")).to_be_visible()
    page.get_by_label("POP3: mail programs fetch it").uncheck()
    page.get_by_role("button", name="Save what it opens").click()
    expect(page.get_by_label("POP3: mail programs fetch it")).not_to_be_checked()
    owner = open_page()
    owner.goto("/sign-in/")
    owner.get_by_label("E-mail address").fill(f"bob@{domain}")
    owner.get_by_label("Password").fill(FIRST)
    owner.get_by_role("button", name="Sign in", exact=True).click()
    expect(owner.get_by_text("Choose a password of your own first.")).to_be_visible()
    check(owner, "owner's password")
    owner.get_by_label("Present password").fill(FIRST)
    owner.get_by_role("textbox", name="Password", exact=True).fill("nine doors along the harbour")
    owner.get_by_role("button", name="Set password").click()
    expect(owner.get_by_text("The password is set.")).to_be_visible()
    expect(owner.get_by_text("Choose a password of your own first.")).to_have_count(0)
