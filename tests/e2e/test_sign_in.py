"""The operator's first minutes, and the way back in."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.product import PASSWORD

pytestmark = pytest.mark.e2e


@pytest.fixture
def stranger(browser, panel, context):
    """A browser in which nobody signed in."""
    context = browser.new_context(base_url=panel.url)
    yield context.new_page()
    context.close()


def test_the_printed_link_signs_in_by_a_button_and_asks_for_a_first_password(stranger, panel):
    link = panel.link("first@example.org")
    stranger.goto(link)
    stranger.reload()  # looking at it does not use it up
    stranger.get_by_role("button", name="Sign in as first@example.org").click()
    expect(stranger.get_by_role("heading", name="Choose a password")).to_be_visible()
    stranger.goto("/domains/")
    expect(stranger.get_by_role("heading", name="Choose a password")).to_be_visible()
    stranger.get_by_label("Password").fill("password")
    stranger.get_by_role("button", name="Set password").click()
    expect(stranger.locator(".error")).to_be_visible()
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Set password").click()
    expect(stranger.get_by_role("heading", name="Today")).to_be_visible()


def test_a_used_link_says_so_and_how_to_get_another(stranger, panel):
    link = panel.link("second@example.org")
    stranger.goto(link)
    stranger.get_by_role("button", name="Sign in as").click()
    stranger.context.clear_cookies()
    assert stranger.goto(link).status == 410
    expect(stranger.get_by_role("heading", name="This link is used or too old")).to_be_visible()
    expect(stranger.get_by_text("./manage.py operator your@address")).to_be_visible()


def test_who_signs_out_comes_back_in_by_the_password(stranger, panel):
    stranger.goto(panel.link("third@example.org"))
    stranger.get_by_role("button", name="Sign in as").click()
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Set password").click()
    stranger.get_by_role("button", name="Sign out").click()
    stranger.goto("/activity/")
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()
    stranger.get_by_label("E-mail address").fill("third@example.org")
    stranger.get_by_label("Password").fill("wrong")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert").filter(visible=True)).to_be_visible()
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("heading", name="Activity")).to_be_visible()
