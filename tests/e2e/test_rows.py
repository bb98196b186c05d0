"""Removing and bringing back, refusals, and two windows on one domain."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import (
    add_mailbox,
    expect_copied,
    expect_status,
    focused,
    is_marked,
    mark,
    row_of,
)
from tests.e2e.product import wait_until

pytestmark = pytest.mark.e2e


def test_a_mailbox_is_removed_in_its_place_and_undo_brings_it_back_with_its_mail(
    page, panel, domain
):
    host, bob = panel.host, f"bob@{domain}"
    mail = host.deliver(domain, "bob", "Subject: kept\n")
    page.goto(f"/domains/{domain}/mailboxes/")
    mark(page)
    row_of(page, bob).get_by_role("link", name=f"Remove {bob}").click()
    expect(page.get_by_text(f"Stop delivery to {bob}?")).to_be_visible()
    assert host.assigned(domain, "bob")
    assert focused(page) == f"Remove mailbox {bob}"
    page.keyboard.press("Enter")
    expect_status(page, bob, "Removed")
    assert host.assigned(domain, "bob") is None
    assert host.assigned(domain, "ada")

    row_of(page, bob).get_by_role("button", name=f"Undo the removal of {bob}").click()
    expect_status(page, bob, "Live")
    assert host.assigned(domain, "bob") == f"{domain}/bob"
    assert mail.read_text() == "Subject: kept\n"
    assert is_marked(page)


def test_keep_it_and_escape_leave_everything_as_it_was(page, panel, domain):
    bob = f"bob@{domain}"
    page.goto(f"/domains/{domain}/mailboxes/")
    for leave in (
        lambda: page.get_by_role("link", name="Keep it").click(),
        lambda: page.keyboard.press("Escape"),
    ):
        row_of(page, bob).get_by_role("link", name=f"Remove {bob}").click()
        expect(page.get_by_text(f"Stop delivery to {bob}?")).to_be_visible()
        leave()
        expect_status(page, bob, "Live")
        assert focused(page) == f"Remove {bob}"
    assert panel.host.assigned(domain, "bob")


def test_a_mailbox_that_an_alias_delivers_to_is_removed_only_after_the_alias_was_seen(
    page, panel, domain
):
    ada = f"ada@{domain}"
    page.goto(f"/domains/{domain}/mailboxes/")
    row_of(page, ada).get_by_role("link", name=f"Remove {ada}").click()
    expect(page.get_by_role("listitem").filter(has_text=f"sales@{domain}")).to_be_visible()
    assert panel.host.assigned(domain, "ada")
    page.get_by_role("checkbox", name="Remove these aliases too").uncheck()
    page.get_by_role("button", name=f"Remove mailbox {ada}").click()
    expect_status(page, ada, "Removed")
    assert panel.host.assigned(domain, "ada") is None
    assert (panel.host.dot_qmail(domain, "sales") or "").startswith("&ada")


def test_a_removed_alias_comes_back_by_undo(page, panel, domain):
    sales = f"sales@{domain}"
    page.goto(f"/domains/{domain}/aliases/")
    row_of(page, sales).get_by_role("link", name=f"Remove {sales}").click()
    page.get_by_role("button", name=f"Remove alias {sales}").click()
    expect_status(page, sales, "Removed")
    assert panel.host.assigned(domain, "sales") is None
    page.get_by_role("button", name=f"Undo the removal of {sales}").click()
    expect_status(page, sales, "Live")
    assert panel.host.assigned(domain, "sales") == f"{domain}/ada"


def test_an_alias_and_an_alias_domain_to_which_others_deliver_go_after_those_were_seen(
    page, panel, domain
):
    sales, team, further = f"sales@{domain}", f"team@{domain}", f"further.{domain}"
    page.goto(f"/domains/{domain}/settings/names/")
    page.get_by_label("New alias domain").fill(further)
    page.get_by_role("button", name="Add alias domain").click()
    page.goto(f"/domains/{domain}/aliases/")
    page.get_by_label("New alias").fill("team")
    page.get_by_label("Delivers to").fill(f"sales@{further}, bob@{domain}")
    page.get_by_label("Delivers to").press("Enter")
    expect_status(page, team, "Live")
    row_of(page, sales).get_by_role("link", name=f"Remove {sales}").click()
    expect(page.get_by_role("listitem").filter(has_text=team)).to_be_visible()
    assert panel.host.assigned(domain, "sales") == f"{domain}/ada"
    page.get_by_role("button", name=f"Remove all the same {sales}").click()
    expect_status(page, sales, "Removed")
    page.goto(f"/domains/{domain}/settings/names/")
    name = page.locator("#names li", has_text=further)
    name.get_by_role("button", name="Remove").click()
    expect(page.get_by_text(f"These deliver to {further}: {team}.")).to_be_visible()
    expect(page.get_by_text(f"These deliver to {further}: {team}.")).to_be_in_viewport()
    name.get_by_role("button", name="Remove all the same").click()
    expect(name.locator(".status")).to_have_text("Removed")


def test_a_domain_that_holds_mail_goes_only_if_its_name_is_typed_and_undo_brings_it_back(
    page, panel, domain
):
    host = panel.host
    mail, prepend = host.deliver(domain, "ada", "Subject: kept\n"), host.prepend(domain)
    page.goto(f"/domains/{domain}/settings/")
    page.get_by_role("link", name="Remove", exact=True).click()
    button = page.get_by_role("button", name=f"Remove domain {domain}")
    button.click()
    expect(page.get_by_text(f"That is not the name. Type {domain} to remove it.")).to_be_visible()
    assert host.accepts(domain)
    page.get_by_label(f"Type {domain} to confirm").fill(domain)
    button.click()
    page.wait_for_url("**/domains/?top=*")
    expect_status(page, domain, "Removed")
    assert not host.accepts(domain)
    assert host.prepend(domain) == prepend  # what still comes is refused
    assert "no longer served" in (host.mail / f".left-{prepend}/.qmail-default").read_text()
    page.get_by_role("button", name=f"Undo the removal of {domain}").click()
    expect_status(page, domain, "Live")
    assert host.accepts(domain)
    assert host.assigned(domain, "sales") == f"{domain}/ada"
    assert mail.read_text() == "Subject: kept\n"


@pytest.mark.parametrize(
    ("tab", "field", "typed", "said"),
    [
        ("mailboxes", "New mailbox", "ada", "is a mailbox already"),
        ("mailboxes", "New mailbox", "sales", "is an alias already. Remove the alias first."),
        ("mailboxes", "New mailbox", "two words", ""),
        ("mailboxes", "New mailbox", "|/bin/sh", ""),
        ("mailboxes", "New mailbox", "", "Enter the part before the @."),
        ("aliases", "New alias", "bob", "is a mailbox already"),
        ("aliases", "New alias", "default", ""),
        ("aliases", "New alias", "list-owner", ""),
    ],
)
def test_a_bad_name_is_refused_below_its_field_which_keeps_it_and_has_the_focus(
    page, panel, quiet_domain, tab, field, typed, said
):
    before = panel.host.lines("users/assign")
    page.goto(f"/domains/{quiet_domain}/{tab}/")
    rows = page.locator("#rows tr").count()
    if tab == "aliases":
        page.get_by_label("Delivers to").fill("ada")
    page.get_by_label(field).fill(typed)
    with page.expect_response(f"**/{tab}/") as answer:
        page.get_by_label(field).press("Enter")
    assert answer.value.status == 422
    expect_refused(page, field, typed, said)
    assert page.locator("#rows tr").count() == rows
    assert panel.host.lines("users/assign") == before


@pytest.mark.parametrize("typed", ["taken", "no-dot", "192.0.2.1", "sp ace.example", ""])
def test_a_bad_domain_name_is_refused_below_its_field(page, panel, quiet_domain, typed):
    typed = quiet_domain if typed == "taken" else typed
    before = panel.host.lines("control/rcpthosts")
    page.goto("/domains/")
    page.get_by_label("New domain").fill(typed)
    with page.expect_response("**/domains/add/") as answer:
        page.get_by_label("New domain").press("Enter")
    assert answer.value.status == 422
    expect_refused(page, "New domain", typed, "")
    assert panel.host.lines("control/rcpthosts") == before


def expect_refused(page, field, typed, said):
    box = page.get_by_label(field)
    expect(box).to_have_value(typed)
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-invalid", "true")
    error = page.locator(f"#{box.get_attribute('aria-describedby').split()[-1]}")
    expect(error).to_contain_text(said or ".")
    below = error.bounding_box()["y"] - box.bounding_box()["y"]
    assert 0 < below < 80


def test_a_weak_password_is_kept_and_one_can_be_suggested(page, panel, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_label("New mailbox").fill("carol")
    page.get_by_label("Password").fill("carol123")
    page.get_by_label("Password").press("Enter")
    expect(page.locator(".error").filter(visible=True)).to_be_visible()
    expect(page.get_by_label("Password")).to_have_value("carol123")
    expect(page.get_by_label("New mailbox")).to_have_value("carol")
    page.get_by_role("button", name="Suggest a password").click()
    expect(page.get_by_text("Copy it now: it is not shown again.")).to_be_visible()
    suggested = page.get_by_label("Password").input_value()
    assert len(suggested) >= 16
    expect_copied(page, "Copy Password", suggested)
    page.get_by_role("button", name="Add mailbox").click()
    expect_status(page, f"carol@{domain}", "Live")
    expect_copied(page, "Copy the password", suggested)
    page.reload()
    expect_status(page, f"carol@{domain}", "Live")
    assert suggested not in page.content()


def test_the_domain_is_pending_as_long_as_one_of_its_rows_is(page, panel, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    head = page.locator(".headline .status")
    expect(head).to_have_text("Live")
    with panel.held():
        add_mailbox(page, "carol")
        expect(head).to_have_text("Pending")
    expect(head).to_have_text("Live")


def test_a_pulse_that_an_add_overtakes_is_of_no_harm(page, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    overtaken = []

    def keep(route):
        overtaken.append(route)

    page.route("**/pulse/*", keep, times=1)
    add_mailbox(page, "carol")
    while not overtaken:
        page.wait_for_timeout(10)
    add_mailbox(page, "dave")
    expect(row_of(page, f"dave@{domain}")).to_be_visible()
    overtaken[0].continue_()
    for local in ("carol", "dave"):
        expect_status(page, f"{local}@{domain}", "Live")


def test_what_one_window_adds_the_other_shows(page, context, domain):
    other = context.new_page()
    for window in (page, other):
        window.goto(f"/domains/{domain}/mailboxes/")
    add_mailbox(page, "carol")
    expect_status(page, f"carol@{domain}", "Live")
    other.reload()
    expect_status(other, f"carol@{domain}", "Live")


def test_of_two_windows_that_add_the_same_name_one_wins_and_the_other_reads_why(
    page, context, panel, domain
):
    other = context.new_page()
    for window in (page, other):
        window.goto(f"/domains/{domain}/mailboxes/")
        window.get_by_label("New mailbox").fill("carol")
    with panel.held():
        for window in (page, other):
            window.get_by_label("New mailbox").press("Enter", no_wait_after=True)
        wait_until(lambda: any(row_of(one, f"carol@{domain}").count() for one in (page, other)))
        is_first = row_of(page, f"carol@{domain}").count()
        winner, loser = (page, other) if is_first else (other, page)
        expect_status(winner, f"carol@{domain}", "Pending")
        expect_refused(loser, "New mailbox", "carol", f"carol@{domain} is a mailbox already")
    expect_status(winner, f"carol@{domain}", "Live")
    lines = panel.host.lines("users/assign")
    assert len([line for line in lines if f"/{domain}/carol:" in line]) == 1


def test_a_row_that_the_other_window_removed_can_still_be_undone_in_this_one(
    page, context, panel, domain
):
    other, bob = context.new_page(), f"bob@{domain}"
    for window in (page, other):
        window.goto(f"/domains/{domain}/mailboxes/")
    for window in (page, other):
        row_of(window, bob).get_by_role("link", name=f"Remove {bob}").click()
        window.get_by_role("button", name=f"Remove mailbox {bob}").click()
        expect_status(window, bob, "Removed")
    page.get_by_role("button", name=f"Undo the removal of {bob}").click()
    expect_status(page, bob, "Live")
    wait_until(lambda: panel.host.assigned(domain, "bob"))
