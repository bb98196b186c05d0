"""Lists in a browser: the whole row leads on, and who comes back finds the search they left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import row_of, wait_for_today
from tests.e2e.product import PASSWORD

pytestmark = pytest.mark.e2e


def find(page: Page, domain: str, text: str) -> None:
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_label("Find a mailbox").fill(text)
    page.wait_for_url(f"**/mailboxes/?*q={text}*")
    expect(page.locator("#rows tr")).to_have_count(1)


def test_anywhere_in_a_row_is_its_link_but_where_something_else_is(page, quiet_domain):
    for kind, local in (("mailboxes", "bob"), ("aliases", "sales")):
        page.goto(f"/domains/{quiet_domain}/{kind}/")
        row_of(page, f"{local}@{quiet_domain}").locator(".state").click(
            force=True
        )  # what takes the click is the link
        expect(page.get_by_role("heading", name=f"{local}@{quiet_domain}")).to_be_visible()
    page.goto("/domains/")
    page.get_by_label("Find a domain").fill(quiet_domain)
    page.wait_for_url("**/domains/?*q=*")
    row_of(page, quiet_domain).locator(".to").click(force=True)
    page.wait_for_url(f"**/domains/{quiet_domain}/**")
    page.goto(f"/domains/{quiet_domain}/mailboxes/")
    bob = f"bob@{quiet_domain}"
    row_of(page, bob).get_by_role("link", name=f"Remove {bob}").click()
    expect(page.get_by_text(f"Stop delivery to {bob}?")).to_be_visible()


def test_who_comes_back_to_a_list_finds_the_search_they_left(page, quiet_domain):
    for leave in (
        lambda: page.keyboard.press("Escape"),
        lambda: page.locator(".crumbs").get_by_role("link", name=quiet_domain).click(),
    ):
        find(page, quiet_domain, "bo")
        page.get_by_role("link", name=f"bob@{quiet_domain}", exact=True).click()
        expect(page.get_by_role("heading", name=f"bob@{quiet_domain}")).to_be_visible()
        leave()
        page.wait_for_url("**/mailboxes/?*q=bo*")
        expect(page.get_by_label("Find a mailbox")).to_have_value("bo")
        expect(page.locator("#rows tr")).to_have_count(1)


def test_who_comes_back_to_a_list_finds_the_page_they_left(page, quiet_domain):
    page.goto("/domains/")
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/domains/?*after=*")
    address, row = page.url, page.locator("#rows tr").first
    first = row.locator(".hero").inner_text()
    row.locator(".hero").click()
    page.locator(".crumbs").get_by_role("link", name="Domains").click()
    page.wait_for_url(address)
    expect(row.locator(".hero")).to_have_text(first)


def test_the_search_that_somebody_left_is_nobody_elses_in_the_same_window(
    page, panel, quiet_domain
):
    link = panel.link("second@example.org")
    find(page, quiet_domain, "bo")
    page.get_by_role("link", name=f"bob@{quiet_domain}", exact=True).click()
    mailbox = page.url
    page.context.clear_cookies()  # signing out would end the session of all other tests
    page.goto(link)
    page.get_by_role("button", name="Sign in as").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    wait_for_today(page)
    page.goto(mailbox)
    expect(page.get_by_role("heading", name=f"bob@{quiet_domain}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#rows tr")).to_have_count(2)
    assert page.url.endswith("/mailboxes/")
