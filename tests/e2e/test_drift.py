"""What somebody changed on the host behind the panel's back, and deciding on it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.product import wait_until
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e

THEIRS = "&by-hand@elsewhere.example\n"


def write(panel, file, text):
    """As an editor would; the shared file touched beside it spares the wait for the next look."""
    file.write_text(text)
    (panel.host.home / "control/rcpthosts").touch()


@pytest.fixture
def changed(panel, domain):
    """The file for unknown recipients, changed by hand; the way it was."""
    file = panel.host.mail / domain / ".qmail-default"
    ours = file.read_text()
    write(panel, file, THEIRS)
    return file, ours


def open_drift(page, text):
    """From the banner of the domain list to the page on which is decided."""

    def is_announced():
        page.goto("/domains/")
        return page.get_by_role("link", name="Decide on it").count()

    wait_until(is_announced)
    page.get_by_role("link", name="Decide on it").click()
    drift = page.get_by_role("group").filter(has_text=text).first
    expect(drift).to_be_visible()
    return drift


def test_a_file_changed_by_hand_stays_so_until_ours_is_put_back(page, domain, changed):
    file, ours = changed
    drift = open_drift(page, f"{domain}/.qmail-default")
    expect(drift.locator(".sides > div")).to_have_count(3)
    for side, text in zip(drift.locator("pre").all(), (ours, THEIRS, ours), strict=True):
        expect(side).to_contain_text(text.strip())
    assert file.read_text() == THEIRS
    check(page, "drift")
    drift.get_by_role("button", name="Put ours back").click()
    wait_until(lambda: file.read_text() == ours)
    expect_none(page)


def test_theirs_is_taken_into_the_domains_settings_and_the_file_keeps_saying_so(
    page, domain, changed
):
    file, _ours = changed
    drift = open_drift(page, f"{domain}/.qmail-default")
    expect(drift).to_contain_text("forwarded to by-hand@elsewhere.example")
    drift.get_by_role("button", name="Take theirs").click()
    expect_none(page)
    assert file.read_text() == THEIRS
    page.goto(f"/domains/{domain}/settings/unknown/")
    expect(page.get_by_label("Address", exact=True)).to_have_value("by-hand@elsewhere.example")


def test_what_the_panel_has_no_rows_for_is_left_alone_and_can_be_put_back_later(
    page, panel, domain
):
    file = panel.host.mail / domain / ".qmail-default"
    ours = file.read_text()
    write(panel, file, "|/usr/local/bin/vacation\n")
    drift = open_drift(page, f"{domain}/.qmail-default")
    drift.get_by_role("button", name="Keep theirs").click()
    expect(page.get_by_role("heading", name="Kept as they are")).to_be_visible()
    check(page, "left")
    assert file.read_text() == "|/usr/local/bin/vacation\n"
    page.get_by_role("button", name="Put ours back").click()
    wait_until(lambda: file.read_text() == ours)


def test_all_drifts_of_a_domain_are_decided_at_once(page, panel, domain):
    home = panel.host.mail / domain
    files = [home / ".qmail-default", home / "ada/.qmail"]
    ours = [file.read_text() for file in files]
    for file in files:
        write(panel, file, THEIRS)
    open_drift(page, f"{domain}/.qmail-default")
    reload_until_both(page, domain)
    check(page, "two drifts")
    page.get_by_role("button", name=f"Put all 2 of ours back {domain}").click()
    wait_until(lambda: [file.read_text() for file in files] == ours)
    expect_none(page)


def reload_until_both(page, domain):
    def are_both_there():
        page.reload()
        return page.get_by_role("button", name=f"Put all 2 of ours back {domain}").count()

    wait_until(are_both_there)


def test_a_mailbox_made_by_hand_is_adopted_and_keeps_its_line_and_its_mail(page, panel, domain):
    host = panel.host
    home = host.mail / domain / "joe"
    for folder in ("cur", "new", "tmp"):
        (home / "Maildir" / folder).mkdir(parents=True)
    mail = host.deliver(domain, "joe", "Subject: kept\n")
    line = add_line(panel, domain, "joe")

    def is_offered():
        page.goto("/sync/host/")
        return page.get_by_text(f"The mailbox joe@{domain}").count()

    wait_until(is_offered)
    check(page, "adoptable")
    page.get_by_role("button", name=f"Adopt this one {line}").click()
    page.goto(f"/domains/{domain}/mailboxes/")
    row = page.get_by_role("row").filter(has_text=f"joe@{domain}")
    expect(row.locator(".status")).to_have_text("Live")
    assert host.assigned(domain, "joe") == f"{domain}/joe"
    assert host.lines("users/assign").count(line) == 1
    assert mail.read_text() == "Subject: kept\n"


def add_line(panel, domain, local):
    """An assignment as an editor would leave it, like the ones that are there."""
    host = panel.host
    start = f"={host.prepend(domain)}-"
    ada = next(line for line in host.lines("users/assign") if line.startswith(f"{start}ada:"))
    line = ada.replace("ada", local)
    file = host.home / "users/assign"
    file.write_text(f"{line}\n{file.read_text()}")
    return line


def expect_none(page):
    """Nothing of a panel's is otherwise on disk any more, and the banner is gone."""

    def is_quiet():
        page.goto("/domains/")
        return not page.get_by_role("link", name="Decide on it").count()

    wait_until(is_quiet)
