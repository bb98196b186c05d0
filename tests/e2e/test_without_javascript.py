"""The same, by forms and redirects alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import row_of
from tests.e2e.product import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "java_script_enabled": False}


def submit(page, name):
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def reload_until(page, name, word):
    """Nothing changes by itself here."""

    def is_so():
        page.reload()
        return row_of(page, name).locator(".status").inner_text() == word

    wait_until(is_so)


def test_a_domain_a_mailbox_and_an_alias_come_and_go_by_forms_alone(page, panel):
    host = panel.host
    page.goto("/domains/")
    page.get_by_label("New domain").fill("plain.example")
    submit(page, "Add domain")
    reload_until(page, "plain.example", "Live")
    assert host.accepts("plain.example")

    page.get_by_role("link", name="plain.example", exact=True).click()
    page.get_by_label("New mailbox").fill("ada")
    submit(page, "Add mailbox")
    reload_until(page, "ada@plain.example", "Live")
    assert host.assigned("plain.example", "ada") == "plain.example/ada"

    page.get_by_role("link", name="Aliases").click()
    page.get_by_label("New alias").fill("sales")
    page.get_by_label("Delivers to").fill("ada")
    submit(page, "Add alias")
    reload_until(page, "sales@plain.example", "Live")
    assert host.assigned("plain.example", "sales") == "plain.example/ada"


def test_what_is_removed_comes_back_by_forms_alone(page, panel, domain):
    for tab, local in [("aliases", "sales"), ("mailboxes", "bob")]:
        name = f"{local}@{domain}"
        page.goto(f"/domains/{domain}/{tab}/")
        row_of(page, name).get_by_role("link", name=f"Remove {name}").click()
        submit(page, "Remove")
        reload_until(page, name, "Removed")
        assert panel.host.assigned(domain, local) is None
        submit(page, f"Undo the removal of {name}")
        reload_until(page, name, "Live")
        assert panel.host.assigned(domain, local)


def test_a_refused_name_is_told_on_the_whole_page(page, quiet_domain):
    page.goto(f"/domains/{quiet_domain}/mailboxes/")
    page.get_by_label("New mailbox").fill("sales")
    submit(page, "Add mailbox")
    expect(page.get_by_text("is an alias already. Remove the alias first.")).to_be_visible()
    expect(page.get_by_label("New mailbox")).to_have_value("sales")
    expect(row_of(page, f"ada@{quiet_domain}")).to_be_visible()


def test_settings_are_saved_and_the_domain_switched_by_forms_alone(page, panel, domain):
    host = panel.host
    page.goto(f"/domains/{domain}/settings/unknown/")
    page.get_by_role("radio", name="Forward to an address").check()
    page.get_by_label("Address", exact=True).fill("all@elsewhere.example")
    submit(page, "Save unknown recipients")
    wait_until(lambda: host.dot_qmail(domain, "default") == "&all@elsewhere.example\n")
    page.goto(f"/domains/{domain}/settings/")
    submit(page, "Switch off")
    wait_until(lambda: not host.accepts(domain))
    submit(page, "Switch on")
    wait_until(lambda: host.accepts(domain))


def test_the_search_finds_by_its_form(page, quiet_domain):
    page.goto(f"/domains/{quiet_domain}/mailboxes/")
    page.get_by_label("Find a mailbox").fill("b")
    page.get_by_label("Find a mailbox").press("Enter")
    expect(row_of(page, f"bob@{quiet_domain}")).to_be_visible()
    expect(row_of(page, f"ada@{quiet_domain}")).to_have_count(0)


def test_the_plan_of_the_next_run_has_a_page_of_its_own(page):
    page.goto("/sync/")
    page.get_by_role("link", name="Show it").click()
    nothing = page.get_by_text("Nothing, but for what failed or was changed by hand.")

    def is_so():
        page.goto("/sync/plan/")
        return nothing.is_visible()

    wait_until(is_so)
