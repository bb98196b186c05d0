"""Removed mailboxes: the list of them, restoring, and purging mail."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import add_mailbox, expect_status, row_of
from tests.e2e.product import wait_until
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e


def remove(page, address):
    row_of(page, address).get_by_role("link", name=f"Remove {address}").click()
    page.get_by_role("button", name=f"Remove mailbox {address}").click()
    expect_status(page, address, "Removed")


def test_a_removed_mailbox_is_restored_from_the_list_with_its_alias(page, panel, domain):
    ada, here = f"ada@{domain}", f"/domains/{domain}/mailboxes/"
    mail = panel.host.deliver(domain, "ada", "Subject: kept\n")
    page.goto(here)
    remove(page, ada)
    assert panel.host.assigned(domain, "sales") is None
    page.get_by_role("link", name="Removed mailboxes").click()
    expect(row_of(page, ada)).to_contain_text("removed by operator@example.org")
    check(page, "removed mailboxes")
    page.get_by_role("button", name=f"Restore {ada}").click()
    expect_status(page, ada, "Live")
    assert mail.read_text() == "Subject: kept\n"
    assert panel.host.assigned(domain, "sales") == f"{domain}/ada"


def test_under_another_name_where_the_old_one_has_another_owner(page, panel, domain):
    bob, here = f"bob@{domain}", f"/domains/{domain}/mailboxes/"
    panel.host.deliver(domain, "bob", "Subject: old\n")
    page.goto(here)
    remove(page, bob)
    add_mailbox(page, "bob")
    expect(page.locator("#rows tr.new")).to_be_visible()
    page.goto(here)
    expect_status(page, bob, "Live")
    page.goto(f"{here}removed/")
    page.get_by_role("link", name=f"Restore as… {bob}").click()
    expect(page.get_by_text("has another owner now")).to_be_visible()
    page.get_by_label("New name").fill("ada")
    page.get_by_role("button", name="Restore under this name").click()
    expect(page.locator(".error")).to_contain_text(f"ada@{domain} is a mailbox already")
    check(page, "another name")
    page.get_by_label("New name").fill("robert")
    page.get_by_label("New name").press("Enter")
    expect_status(page, f"robert@{domain}", "Live")
    mails = (panel.host.mail / domain / "robert/Maildir/new").iterdir()
    assert [mail.read_text() for mail in mails] == ["Subject: old\n"]
    assert not list((panel.host.mail / domain / "bob/Maildir/new").iterdir())


def test_mail_is_purged_once_its_address_was_typed(page, panel, domain):
    bob, here = f"bob@{domain}", f"/domains/{domain}/mailboxes/"
    panel.host.deliver(domain, "bob", "Subject: secret\n")
    page.goto(here)
    remove(page, bob)
    page.goto(f"{here}removed/")
    page.get_by_role("link", name=f"Purge mail… {bob}").click()
    page.get_by_role("button", name="Purge mail").click()
    expect(page.locator(".error")).to_contain_text("That is not the address.")
    check(page, "purging")
    archive = next(one for one in (panel.host.mail / ".archive").iterdir() if is_of(one, "secret"))
    page.get_by_label(f"Type {bob} to confirm").fill(bob)
    page.get_by_role("button", name="Purge mail").click()
    expect(page.get_by_text("Removed for good")).to_be_visible()
    expect(page.locator(".headline .status")).to_have_text("Removed")
    wait_until(lambda: not archive.exists())
    assert not list((panel.host.mail / ".archive").glob(".purging-*"))


def is_of(archive, word):
    return any(word in mail.read_text() for mail in archive.glob("Maildir/new/*"))
