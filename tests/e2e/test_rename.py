"""Other names for mailboxes, aliases and domains; mail stays, the old name may stay too."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import expect_status, open_tab
from tests.e2e.product import wait_until
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e


def open_address(page, domain, tab, local):
    page.goto(f"/domains/{domain}/{tab}/")
    page.get_by_role("link", name=f"{local}@{domain}", exact=True).click()
    if tab == "mailboxes":
        open_tab(page, "More")
    expect(page.get_by_role("heading", name="Rename")).to_be_visible()


def rename(page, name, *, keep):
    section = page.locator("#rename")
    section.get_by_role("textbox").fill(name)
    section.get_by_role("checkbox").set_checked(keep)
    section.get_by_role("button", name="Rename").click()


@pytest.mark.parametrize("keep", [True, False])
def test_a_mailbox_is_renamed_with_its_mail_and_the_old_address_stays_if_asked(
    page, panel, domain, keep
):
    host = panel.host
    host.deliver(domain, "bob", "Subject: kept\n")
    open_address(page, domain, "mailboxes", "bob")
    check(page, "rename")
    rename(page, "robert", keep=keep)
    expect(page.get_by_role("heading", name=f"robert@{domain}")).to_be_visible()
    wait_until(lambda: host.assigned(domain, "robert") == f"{domain}/robert")
    mail = host.mail / domain / "robert/Maildir/new/1.e2e.host"
    wait_until(mail.exists)
    assert mail.read_text() == "Subject: kept\n"
    wait_until(lambda: host.assigned(domain, "bob") == (f"{domain}/robert" if keep else None))
    page.goto(f"/domains/{domain}/aliases/")
    expect_status(page, f"bob@{domain}", "Live" if keep else "Removed")


def test_an_alias_is_renamed_and_delivers_where_it_did(page, panel, domain):
    open_address(page, domain, "aliases", "sales")
    rename(page, "orders", keep=False)
    expect(page.get_by_role("heading", name=f"orders@{domain}")).to_be_visible()
    wait_until(lambda: panel.host.assigned(domain, "orders") == f"{domain}/ada")
    wait_until(lambda: panel.host.assigned(domain, "sales") is None)


def test_a_domain_is_renamed_with_its_mail_and_the_old_name_becomes_an_alias_domain(
    page, panel, domain
):
    host, new = panel.host, f"new-{domain}"
    prepend = host.prepend(domain)
    host.deliver(domain, "ada", "Subject: kept\n")
    page.goto(f"/domains/{domain}/settings/names/")
    rename(page, new, keep=True)
    expect(page.get_by_role("heading", name=new)).to_be_visible()
    expect(page.locator(".headline .status")).to_have_text("Live")
    assert host.prepend(new) == host.prepend(domain) == prepend
    assert host.accepts(new)
    assert host.accepts(domain)
    mail = host.mail / new / "ada/Maildir/new/1.e2e.host"
    assert mail.read_text() == "Subject: kept\n"
    expect(page.locator("#names li", has_text=domain).locator(".status")).to_have_text("Live")
    check(page, "renamed")


def test_a_domain_renamed_without_keeping_its_old_name_is_refused_under_it(page, panel, domain):
    host, new = panel.host, f"new-{domain}"
    page.goto(f"/domains/{domain}/settings/names/")
    rename(page, new, keep=False)
    expect(page.locator(".headline .status")).to_have_text("Live")
    assert host.accepts(new)
    assert not host.accepts(domain)
    assert host.prepend(domain) == f"{host.prepend(new)}-.left"  # what still comes is refused


@pytest.mark.parametrize(
    ("typed", "said"), [("ada", "is a mailbox already"), ("a b", "."), ("", ".")]
)
def test_a_refused_name_stands_below_its_field_and_nothing_is_renamed(
    page, panel, quiet_domain, typed, said
):
    before = panel.host.lines("users/assign")
    open_address(page, quiet_domain, "mailboxes", "bob")
    rename(page, typed, keep=True)
    box = page.locator("#rename").get_by_role("textbox")
    expect(box).to_have_value(typed)
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#rename .error")).to_contain_text(said)
    check(page, "refused")
    assert panel.host.lines("users/assign") == before


def test_the_name_of_another_domain_is_refused_at_the_field(page, panel, domain, quiet_domain):
    page.goto(f"/domains/{domain}/settings/names/")
    rename(page, quiet_domain, keep=True)
    expect(page.locator("#rename .error")).to_be_visible()
    expect(page.locator("#rename").get_by_role("textbox")).to_have_value(quiet_domain)
    assert panel.host.accepts(domain)
