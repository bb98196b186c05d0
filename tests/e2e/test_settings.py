"""The settings of a domain, and what they write."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import open_tab
from tests.e2e.product import wait_until

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("choice", "field", "typed", "written"),
    [
        ("Bounce with a text", "Text of the bounce", "It's not here", "'It'\\''s not here'\n"),
        ("Discard", None, "", "#\n"),
        ("Forward to an address", "Address", "all@elsewhere.example", "&all@elsewhere.example\n"),
        ("Deliver to a mailbox", "Mailbox", "bob", "&bob@{domain}\n"),
    ],
)
def test_each_choice_for_unknown_recipients_is_written_to_qmail_default(
    page, panel, domain, choice, field, typed, written
):
    page.goto(f"/domains/{domain}/settings/unknown/")
    page.get_by_role("radio", name=choice).check()
    if field:
        page.get_by_label(field, exact=True).fill(typed)
    page.get_by_role("button", name="Save unknown recipients").click()
    expect(page.locator(".headline .status")).to_have_text("Live")
    wait_until(
        lambda: (panel.host.dot_qmail(domain, "default") or "").endswith(
            written.format(domain=domain)
        )
    )
    page.reload()
    expect(page.get_by_role("radio", name=choice)).to_be_checked()


def test_a_choice_without_its_address_is_refused_at_its_field(page, panel, domain):
    before = panel.host.dot_qmail(domain, "default")
    page.goto(f"/domains/{domain}/settings/unknown/")
    page.get_by_role("radio", name="Forward to an address").check()
    page.get_by_role("button", name="Save unknown recipients").click()
    box = page.get_by_label("Address", exact=True)
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(box).to_be_focused()
    expect(page.get_by_role("radio", name="Forward to an address")).to_be_checked()
    assert panel.host.dot_qmail(domain, "default") == before


def test_a_domain_switched_off_leaves_rcpthosts_alone_and_comes_back_switched_on(
    page, panel, domain
):
    host = panel.host
    prepend = host.prepend(domain)
    page.goto(f"/domains/{domain}/settings/")
    page.get_by_role("button", name=f"Switch off {domain}").click()
    expect(page.get_by_text(f"{domain} is switched off")).to_be_visible()
    expect(page.locator(".headline .status")).to_have_text("Off")
    assert not host.accepts(domain)
    assert host.prepend(domain) == prepend  # so that no shorter line catches its mail
    page.get_by_role("button", name=f"Switch on {domain}").click()
    expect(page.get_by_role("button", name=f"Switch off {domain}")).to_be_visible()
    expect(page.locator(".headline .status")).to_have_text("Live")
    assert host.accepts(domain)
    assert host.assigned(domain, "ada") == f"{domain}/ada"


def test_an_alias_domain_is_added_removed_and_brought_back_by_keyboard(page, panel, domain):
    name = f"alias.{domain}"
    page.goto(f"/domains/{domain}/settings/names/")
    page.get_by_label("New alias domain").fill("not a name")
    page.keyboard.press("Enter")
    expect(page.get_by_label("New alias domain")).to_be_focused()
    expect(page.locator("#id_name_error")).to_be_visible()
    page.keyboard.press("Control+A")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    row = page.locator("#names li", has_text=name)
    expect(row.locator(".status")).to_have_text("Live")
    assert name in panel.host.lines("control/rcpthosts")
    row.get_by_role("button", name="Remove").press("Enter")
    expect(row.locator(".status")).to_have_text("Removed")
    assert name not in panel.host.lines("control/rcpthosts")
    row.get_by_role("button", name="Undo").press("Enter")
    expect(row.locator(".status")).to_have_text("Live")
    assert name in panel.host.lines("control/rcpthosts")


def test_a_mailbox_switched_off_answers_with_its_own_text_and_keeps_its_mail(page, panel, domain):
    host = panel.host
    mail = host.deliver(domain, "bob", "Subject: kept\n")
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_role("link", name=f"bob@{domain}", exact=True).click()
    open_tab(page, "More")
    page.get_by_label("Answer while switched off or on hold").fill("Bob is away")
    page.get_by_role("button", name="Save the answer").click()
    expect(page.locator(".headline .status")).to_have_text("Live")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    expect(page.locator(".headline .status")).to_have_text("Off")
    instructions = host.mail / domain / "bob/.qmail"
    assert instructions.read_text().endswith("'Bob is away'\n")
    assert mail.read_text() == "Subject: kept\n"
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    expect(page.locator(".headline .status")).to_have_text("Live")
    assert instructions.read_text() == "./Maildir/\n"


def test_an_alias_with_destinations_elsewhere_becomes_a_dot_qmail_file(page, panel, domain):
    page.goto(f"/domains/{domain}/aliases/")
    page.get_by_role("link", name=f"sales@{domain}", exact=True).click()
    page.get_by_label("Delivers to").fill("ada\nbob, shop@elsewhere.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".headline .status")).to_have_text("Live")
    wait_until(
        lambda: (
            panel.host.dot_qmail(domain, "sales")
            == f"&ada@{domain}\n&bob@{domain}\n&shop@elsewhere.example\n"
        )
    )
    wait_until(lambda: panel.host.assigned(domain, "sales") is None)
