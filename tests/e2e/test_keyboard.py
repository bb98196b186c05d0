"""Everything without a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import expect_status, focused, is_marked, mark, row_of, tab_to
from tests.e2e.product import PASSWORD

pytestmark = pytest.mark.e2e


def add_by_keys(page, *typed):
    """Press n, type one field after the other, and end with Enter."""
    mark(page)
    page.keyboard.press("n")
    for number, text in enumerate(typed):
        if number:
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_the_seeds_domain_mailbox_and_alias_go_from_pending_to_live_by_keyboard_alone(
    own_page, own_panel
):
    page, keys, host = own_page, own_page.keyboard, own_panel.host
    page.get_by_role("link", name="Add the first one").press("Enter")
    page.wait_for_url("**/domains/*")
    mark(page)
    with own_panel.held():
        add_by_keys(page, "pandle.net")
        expect_status(page, "pandle.net", "Pending")
        assert not host.accepts("pandle.net")
    expect_status(page, "pandle.net", "Live")
    assert is_marked(page)
    assert host.lines("control/rcpthosts") == ["pandle.net"]
    assert host.lines("control/virtualdomains") == ["pandle.net:100"]

    keys.press("Escape")
    keys.press("j")
    keys.press("Enter")
    expect(page.get_by_text("No mailboxes yet.")).to_be_visible()
    with own_panel.held():
        add_by_keys(page, "biliards", PASSWORD)
        expect_status(page, "biliards@pandle.net", "Pending")
        assert host.assigned("pandle.net", "biliards") is None
    expect_status(page, "biliards@pandle.net", "Live")
    assert is_marked(page)
    assert host.assigned("pandle.net", "biliards") == "pandle.net/biliards"
    maildir = host.mail / "pandle.net/biliards/Maildir"
    assert {path.name for path in maildir.iterdir() if path.is_dir()} == {"cur", "new", "tmp"}

    tab_to(page, "Aliases", key="Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_label("New alias")).to_be_visible()
    with own_panel.held():
        add_by_keys(page, "bilardi", "biliards")
        expect_status(page, "bilardi@pandle.net", "Pending")
        assert host.assigned("pandle.net", "bilardi") is None
    expect_status(page, "bilardi@pandle.net", "Live")
    assert is_marked(page)
    assert host.assigned("pandle.net", "bilardi") == "pandle.net/biliards"

    keys.press("Escape")
    keys.press("f")
    keys.type("bil")
    expect(page.locator("#rows tr")).to_have_count(1)
    assert page.url.endswith("?q=bil")

    user = own_panel.env.get("QMAILPANEL_MAIL_USER", "popuser:110:31")
    assert sorted(host.lines("users/assign")) == [
        f"+100-:{user}:{host.mail}/pandle.net:-::",
        ".",
        f"=100-bilardi:{user}:{host.mail}/pandle.net/biliards:::",
        f"=100-biliards:{user}:{host.mail}/pandle.net/biliards:::",
    ]


def test_slash_n_j_k_enter_and_escape_move_about(page, quiet_domain):
    page.goto(f"/domains/{quiet_domain}/mailboxes/")
    page.keyboard.press("f")
    assert focused(page) == "Find a mailbox"
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    assert focused(page) == "New mailbox"
    page.keyboard.press("j")  # in a field a letter is a letter
    expect(page.get_by_label("New mailbox")).to_have_value("j")
    page.keyboard.press("Escape")
    for key, local in [("j", "ada"), ("j", "bob"), ("j", "bob"), ("k", "ada")]:
        page.keyboard.press(key)
        assert focused(page) == f"{local}@{quiet_domain}"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"ada@{quiet_domain}")).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/domains/{quiet_domain}/mailboxes/")
    page.keyboard.press("Escape")
    page.wait_for_url("**/domains/")


def test_the_question_mark_shows_the_keys_and_escape_closes_them(page):
    page.goto("/domains/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    assert page.url.endswith("/domains/")


def test_the_first_tab_offers_to_skip_to_the_content(page):
    page.goto("/domains/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_after_an_add_the_field_is_empty_and_has_the_focus_for_the_next(page, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    for local in ("carol", "dave"):
        page.keyboard.press("n")
        page.keyboard.type(local)
        page.keyboard.press("Enter")
        expect(row_of(page, f"{local}@{domain}")).to_be_visible()
        expect(page.get_by_label("New mailbox")).to_have_value("")
        expect(page.get_by_label("New mailbox")).to_be_focused()
        page.keyboard.press("Escape")


def test_what_is_typed_and_focused_survives_the_change_to_live(page, panel, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    with panel.held():
        page.keyboard.press("n")
        page.keyboard.type("carol")
        page.keyboard.press("Enter")
        expect_status(page, f"carol@{domain}", "Pending")
        page.keyboard.type("dav")
    expect_status(page, f"carol@{domain}", "Live")
    expect(page.get_by_label("New mailbox")).to_have_value("dav")
    expect(page.get_by_label("New mailbox")).to_be_focused()


def test_the_focus_on_a_pending_row_survives_its_change_to_live(page, panel, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    with panel.held():
        page.get_by_label("New mailbox").fill("carol")
        page.get_by_label("New mailbox").press("Enter")
        expect_status(page, f"carol@{domain}", "Pending")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        assert focused(page) == f"carol@{domain}"
    expect_status(page, f"carol@{domain}", "Live")
    assert focused(page) == f"carol@{domain}"
