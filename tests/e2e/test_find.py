"""One field on every page: it finds anything, and says where mail to it goes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import focused, row_of

pytestmark = pytest.mark.e2e
FIELD = "Find an address, a domain or a person"


def typed(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(text)


def test_from_any_page_a_part_of_a_name_leads_to_the_address_by_keys_alone(page, quiet_domain):
    page.goto(f"/domains/{quiet_domain}/settings/")
    typed(page, f"ales@{quiet_domain}")
    expect(row_of(page, f"sales@{quiet_domain}").first.locator("mark")).to_have_text("ales")
    assert focused(page) == FIELD
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert focused(page) == f"sales@{quiet_domain}"
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"sales@{quiet_domain}")).to_be_visible()


def test_enter_opens_the_first_that_was_found(page, quiet_domain):
    page.goto("/activity/")
    typed(page, quiet_domain[:4])
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(quiet_domain)


def test_back_leads_from_what_was_found_to_where_one_was(page, quiet_domain):
    page.goto(f"/domains/{quiet_domain}/aliases/")
    typed(page, "sales")
    expect(page.locator(".hits").first).to_be_visible()
    page.keyboard.press("Escape")
    typed(page, "ada")
    page.wait_for_url(re.compile(r"/find/\?q=ada"))
    page.go_back()
    page.wait_for_url(f"**/domains/{quiet_domain}/aliases/")
    expect(page.get_by_label("New alias")).to_be_visible()


def test_a_whole_address_is_answered_from_the_live_files_with_each_line(page, quiet_domain):
    page.goto("/domains/")
    typed(page, f"sales@{quiet_domain}")
    answer = page.get_by_role("region", name=re.compile("^Mail to sales@"))
    expect(answer).to_contain_text(f"Mail to sales@{quiet_domain} goes on to ada@{quiet_domain}.")
    expect(answer.get_by_text("read back from the mail server's files at")).to_be_visible()
    answer.get_by_text("Show the lines").click()
    expect(answer.get_by_text(re.compile("^users/assign:"))).to_be_visible()
    expect(answer.get_by_text("say otherwise")).to_have_count(0)


def test_a_typo_is_answered_too(page, quiet_domain):
    page.goto("/domains/")
    typed(page, f"adda@{quiet_domain}")
    expect(
        page.get_by_text(f"Mail to adda@{quiet_domain} goes back to the sender.")
    ).to_be_visible()
    expect(page.get_by_text(f"Did you mean ada@{quiet_domain}?")).to_be_visible()
