"""What a mail operator does all day, from the front page; clicks of the mouse are counted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.pages import expect_status, row_of
from tests.e2e.product import Product

pytestmark = pytest.mark.e2e

FIELD = "Find an address, a domain or a person"
COUNT = """
addEventListener("click", event => {
  if (event.detail) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1;
}, true);
"""
FULL = """
from qmailpanel.domains.models import Address
from django.utils import timezone
from qmailpanel.reports.models import Usage
bob = Address.objects.get(domain__name="{domain}", local="bob")
Usage.objects.update_or_create(
    node="main",
    address=bob.pk,
    defaults={{"domain": bob.domain_id, "bytes": 9, "percent": 100, "at": timezone.now()}},
)
"""
REMOVE = """
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
remove_mailbox(SYSTEM, Address.objects.get(domain__name="{domain}", local="bob"))
"""


@pytest.fixture
def today(page: Page) -> Page:
    """The front page; no click is counted yet."""
    page.add_init_script(COUNT)
    page.goto("/")
    return page


def clicks(page: Page) -> int:
    return int(page.evaluate("sessionStorage.clicks || '0'"))


def type_into(field: Locator, text: str) -> None:
    """As somebody does: a field that has the focus needs no click."""
    if not field.evaluate("field => field === document.activeElement"):
        field.click()
    field.press_sequentially(text)


def find(page: Page, text: str) -> None:
    """One click into the field, and Enter."""
    type_into(page.get_by_label(FIELD), text)
    page.keyboard.press("Enter")


def suggest(page: Page) -> None:
    page.get_by_role("button", name="Suggest a password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_value(re.compile("-"))


def test_create_a_mailbox_with_a_suggested_password(today: Page, domain: str) -> None:
    find(today, domain)
    type_into(today.get_by_label("New mailbox"), "zoe")
    suggest(today)
    today.get_by_role("button", name="Add mailbox").click()
    expect(row_of(today, f"zoe@{domain}")).to_be_visible()
    expect(today.get_by_role("button", name="Copy the password")).to_be_visible()
    assert clicks(today) <= 4


def test_reset_a_password(today: Page, domain: str) -> None:
    find(today, f"bob@{domain}")
    today.get_by_role("link", name="Set a password").click()
    suggest(today)
    today.get_by_role("button", name="Set password").click()
    expect(today.locator("#said")).to_contain_text("password")
    assert clicks(today) <= 4


def test_add_an_alias(today: Page, domain: str) -> None:
    find(today, f"bob@{domain}")
    today.get_by_role("link", name=f"Open bob@{domain}").click()
    type_into(today.get_by_label("New alias"), "robert")
    today.keyboard.press("Enter")
    expect(today.get_by_role("link", name=f"robert@{domain}")).to_be_visible()
    assert clicks(today) <= 3


def test_see_that_all_is_live(today: Page, domain: str) -> None:
    expect(today.get_by_text(re.compile("all live"))).to_be_visible()
    assert clicks(today) == 0


def test_see_which_mailbox_is_full(today: Page, domain: str, panel: Product) -> None:
    panel.shell(FULL.format(domain=domain))
    today.reload()
    expect(today.get_by_role("link", name=f"bob@{domain}")).to_be_visible()
    assert clicks(today) == 0


def test_find_an_address_by_a_part_of_it(today: Page, domain: str) -> None:
    type_into(today.get_by_label(FIELD), f"ales@{domain}")
    expect(today.get_by_role("link", name=f"sales@{domain}")).to_be_visible()
    assert clicks(today) <= 1


def test_bring_a_removed_mailbox_back(today: Page, domain: str, panel: Product) -> None:
    panel.shell(REMOVE.format(domain=domain))
    find(today, f"bob@{domain}")
    today.get_by_role("link", name="Bring it back").click()
    today.get_by_role("button", name="Undo removal").click()
    expect(today.locator(".headline .status")).to_have_text("Live")
    assert clicks(today) <= 3


def test_see_who_changed_an_address(today: Page, domain: str) -> None:
    find(today, f"ada@{domain}")
    expect(today.get_by_text(re.compile("changed by system"))).to_be_visible()
    assert clicks(today) <= 2


def test_see_why_mail_does_not_arrive(today: Page, domain: str) -> None:
    find(today, f"adda@{domain}")
    answer = today.get_by_role("heading", name=f"Mail to adda@{domain} goes back to the sender.")
    expect(answer).to_be_visible()
    expect(today.get_by_text(f"Did you mean ada@{domain}?")).to_be_visible()
    assert clicks(today) <= 1


def test_all_of_it_by_keys_alone(today: Page, domain: str) -> None:
    """Make a mailbox, go to another one, and add an alias there."""
    today.keyboard.press("/")
    today.keyboard.type(domain)
    today.keyboard.press("Enter")
    expect(today.locator("h1")).to_have_text(domain)
    today.keyboard.press("n")
    today.keyboard.type("zoe")
    today.keyboard.press("Enter")
    expect_status(today, f"zoe@{domain}", "Live")
    today.keyboard.press("Escape")
    today.keyboard.press("/")
    today.keyboard.type(f"bob@{domain}")
    today.keyboard.press("Enter")
    expect(today.get_by_role("heading", name=f"Mail to bob@{domain} arrives here.")).to_be_visible()
    today.get_by_role("link", name=f"Open bob@{domain}").focus()
    today.keyboard.press("Enter")
    expect(today.locator("h1")).to_have_text(f"bob@{domain}")
    today.keyboard.press("n")
    today.keyboard.type("robert")
    today.keyboard.press("Enter")
    expect(today.get_by_role("link", name=f"robert@{domain}")).to_be_visible()
    assert clicks(today) == 0
