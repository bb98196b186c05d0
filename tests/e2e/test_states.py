"""What is off, held, failed, left, or leads to nobody is green on no page that shows it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import add_mailbox, expect_status, is_marked, mark, open_tab, row_of
from tests.e2e.product import wait_until
from tests.e2e.test_drift import open_drift, write
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e


@pytest.fixture
def states(page, domain):
    """Ada and three aliases, live; each alias leads elsewhere."""
    page.goto(f"/domains/{domain}/aliases/")
    aliases = {"to-ada": ("ada", "Live"), "typo": ("adda", "Goes back")}
    aliases["out"] = ("x@elsewhere.example", "Live")
    for local, (target, word) in aliases.items():
        page.get_by_label("New alias").fill(local)
        page.get_by_label("Delivers to").fill(target)
        page.keyboard.press("Enter")
        expect_status(page, f"{local}@{domain}", word)
    return page


def open_page(page, domain, kind, local):
    page.goto(f"/domains/{domain}/{kind}/")
    page.get_by_role("link", name=f"{local}@{domain}", exact=True).click()


def expect_tones(page, domain, *, ada, alias, word):
    """How the status of ada and of the alias that leads there looks, in lists and headlines."""
    for kind, local, tone in (("mailboxes", "ada", ada), ("aliases", "to-ada", alias)):
        page.goto(f"/domains/{domain}/{kind}/")
        row = row_of(page, f"{local}@{domain}").locator(".state .status")
        expect(row).to_have_class(f"status {tone}")
        row_of(page, f"{local}@{domain}").get_by_role("link").first.click()
        expect(page.locator(".headline .status")).to_have_class(f"status {tone}")
        green = page.locator(".route .node.end")
        expect(green).to_have_count(1 if tone == "live" else 0)
        if local == "ada":
            expect(page.locator(".headline .status")).to_contain_text(word)
        check(page, f"{local} {tone}")


def press(page, domain, name):
    open_page(page, domain, "mailboxes", "ada")
    open_tab(page, "More")
    page.get_by_role("button", name=name).click()


def test_a_mailbox_and_who_leads_to_it_are_green_only_while_mail_arrives(states, domain, panel):
    page = states
    expect_tones(page, domain, ada="live", alias="live", word="Live")
    press(page, domain, "Put on hold")
    expect_tones(page, domain, ada="settled", alias="failed", word="On hold")
    press(page, domain, "Deliver again")
    press(page, domain, "Switch off")
    expect_tones(page, domain, ada="settled", alias="failed", word="Off")
    press(page, domain, "Switch on")
    expect_tones(page, domain, ada="live", alias="live", word="Live")
    instructions = panel.host.mail / domain / "ada/.qmail"
    ours = instructions.read_text()
    write(panel, instructions, "|/bin/false\n")
    drift = open_drift(page, f"{domain}/ada/.qmail")
    expect_tones(page, domain, ada="failed", alias="failed", word="Failed")
    page.goto("/sync/host/")
    drift.get_by_role("button", name="Keep theirs").click()
    expect(page.get_by_role("heading", name="Kept as they are")).to_be_visible()
    expect_tones(page, domain, ada="settled", alias="failed", word="Left as it is")
    page.goto(f"/domains/?q={domain}")  # there may be more than a page of them
    expect(row_of(page, domain).locator(".state .status")).to_have_class("status settled")
    page.goto("/sync/host/")
    page.get_by_role("button", name=f"Put ours back {domain}/ada/.qmail").click()
    wait_until(lambda: instructions.read_text() == ours)


def test_a_way_says_that_it_waits_and_turns_green_once_it_is_live(
    page, domain, panel, stopped_sync
):
    page.goto(f"/domains/{domain}/mailboxes/")
    add_mailbox(page, "zoe")
    expect_status(page, f"zoe@{domain}", "Pending")
    open_page(page, domain, "mailboxes", "zoe")
    way = page.locator(".route .node").last
    expect(way).to_contain_text("Pending")
    expect(way).not_to_have_class(re.compile(r"\bend\b"))
    check(page, "a way that waits")
    mark(page)
    panel.start_sync()
    expect(way).to_have_class(re.compile(r"\bend\b"))
    expect(way).not_to_contain_text("Pending")
    assert is_marked(page)


def test_an_alias_to_nobody_says_so_and_whom_may_have_been_meant(states, domain):
    page = states
    row = row_of(page, f"typo@{domain}")
    expect(row).to_contain_text(f"adda@{domain}: nobody has this address")
    expect(row.locator(".state .status")).to_have_class("status failed")
    open_page(page, domain, "aliases", "typo")
    expect(page.locator(".remarks")).to_contain_text(f"Did you mean ada@{domain}?")
    expect(page.locator(".route .node.end")).to_have_count(0)
    check(page, "typo")
    open_page(page, domain, "aliases", "out")
    expect(page.locator(".remarks")).to_have_count(0)
    expect(page.locator(".route .node.end")).to_have_count(0)
