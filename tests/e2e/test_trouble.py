"""When the host or the service does not do what it should, the page says so, and heals."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import WAITING, add_mailbox, expect_status, is_marked, mark

pytestmark = pytest.mark.e2e


def test_a_broken_compile_is_failed_with_its_meaning_and_goes_live_once_it_is_repaired(
    page, panel, domain, broken_compile
):
    carol = f"carol@{domain}"
    page.goto(f"/domains/{domain}/mailboxes/")
    mark(page)
    add_mailbox(page, "carol")
    expect_status(page, carol, "Failed")
    banner = page.locator("#banner .failed")
    expect(banner).to_contain_text("mail")
    expect(banner.locator("pre")).to_contain_text("users/cdb.tmp")
    assert panel.host.assigned(domain, "carol") is None
    assert panel.host.assigned(domain, "ada")

    broken_compile.rmdir()
    expect_status(page, carol, "Live")
    expect(banner).to_have_count(0)
    assert panel.host.assigned(domain, "carol") == f"{domain}/carol"
    assert is_marked(page)


def test_while_the_service_is_stopped_a_banner_says_that_all_is_saved_and_waits(
    page, panel, domain, stopped_sync
):
    carol = f"carol@{domain}"
    page.goto(f"/domains/{domain}/mailboxes/")
    mark(page)
    expect(page.get_by_text(WAITING)).to_be_visible()
    add_mailbox(page, "carol")
    expect_status(page, carol, "Pending")
    assert panel.host.assigned(domain, "carol") is None

    panel.start_sync()
    expect_status(page, carol, "Live")
    expect(page.get_by_text(WAITING)).to_have_count(0)
    assert panel.host.assigned(domain, "carol") == f"{domain}/carol"
    assert is_marked(page)


def test_when_the_panel_does_not_answer_the_page_says_that_it_may_be_old(page, wrong, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    page.route("**/mailboxes/", lambda route: route.fulfill(status=502))
    add_mailbox(page, "carol")
    expect(page.get_by_text("The panel did not answer.")).to_be_visible()
    expect(page.get_by_label("New mailbox")).to_have_value("carol")
    page.unroute("**/mailboxes/")
    page.get_by_label("New mailbox").press("Enter")
    expect_status(page, f"carol@{domain}", "Live")
    expect(page.get_by_text("The panel did not answer.")).to_be_hidden()
    wrong.clear()


def test_a_form_that_the_database_kept_waiting_stays_and_says_that_nothing_was_saved(
    page, wrong, domain
):
    page.goto(f"/domains/{domain}/mailboxes/")
    page.route("**/mailboxes/", lambda route: route.fulfill(status=503))
    add_mailbox(page, "carol")
    busy = page.get_by_text("so nothing was saved")
    expect(busy).to_be_visible()
    expect(page.get_by_text("The panel did not answer.")).to_be_hidden()
    expect(page.get_by_label("New mailbox")).to_have_value("carol")
    with page.expect_response("**/mailboxes/?q=ada*"):
        page.get_by_label("Find a mailbox").fill("ada")
    expect(page.get_by_role("link", name=f"bob@{domain}")).to_have_count(0)
    expect(busy).to_be_visible()  # what is only looked at saves nothing
    page.get_by_label("Find a mailbox").fill("")
    page.unroute("**/mailboxes/")
    page.get_by_label("New mailbox").press("Enter")
    expect_status(page, f"carol@{domain}", "Live")
    expect(busy).to_be_hidden()
    wrong.clear()
