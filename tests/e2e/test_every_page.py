"""What holds for every page, in light, in dark and on a phone."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.pages import WAITING, add_mailbox, expect_status, wait_for_today
from tests.e2e.product import PASSWORD, wait_until

pytestmark = pytest.mark.e2e

PHONE, DESK = {"width": 375, "height": 700}, {"width": 1280, "height": 800}
LOOKS = [("light", DESK), ("dark", DESK), ("light", PHONE)]
OTHERS = (320, 1920)  # pixels wide
TABS = ("access/", "mail/", "quota/", "more/", "aliases/")  # of a mailbox
AN_ADDRESS = re.compile(r"/\d+/$")


def check(page, where=""):
    """No violation of what axe knows, and nothing that scrolls sideways."""
    page.evaluate(Axe().axe_script)
    found = [problem for look in LOOKS for problem in problems_of(page, *look)]
    for width in OTHERS:
        page.set_viewport_size({"width": width, "height": 800})
        found += scrolls_sideways(page, width)
    assert found == [], where or page.url


def problems_of(page, scheme, size):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    result = page.evaluate("axe.run({resultTypes: ['violations']})")
    for violation in result["violations"]:
        for node in violation["nodes"]:
            yield scheme, size["width"], violation["id"], node["html"], node["failureSummary"]
    yield from scrolls_sideways(page, size["width"])


def scrolls_sideways(page, width):
    needed = page.evaluate("document.scrollingElement.scrollWidth")
    if needed > width:
        yield width, f"scrolls sideways: {needed}"


@pytest.fixture
def anonymous(browser, panel, wrong):
    """A browser in which nobody signed in."""
    context = browser.new_context(base_url=panel.url)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "address",
    [
        "/sign-in/",
        "/password/reset/",
        "/password/reset/sent/",
        "/sign-in/link/?token=x",
        "/password/reset/1-x/",
        "/password/reset/done/",
        "/sign-in/inactive/",
        "/no-such-page/",
    ],
)
def test_every_page_before_signing_in(anonymous, address):
    anonymous.goto(address)
    check(anonymous)


def test_the_pages_of_the_first_sign_in_and_of_who_has_no_domain(anonymous, panel):
    anonymous.goto(panel.link("axe@example.org"))
    check(anonymous)
    anonymous.get_by_role("button", name="Sign in as").click()
    check(anonymous)
    anonymous.get_by_label("Password").fill("password")
    anonymous.get_by_role("button", name="Set password").click()
    expect(anonymous.locator(".error")).to_be_visible()
    check(anonymous)
    anonymous.get_by_label("Password").fill(PASSWORD)
    anonymous.get_by_role("button", name="Set password").click()
    wait_for_today(anonymous)
    panel.shell(
        "from qmailpanel.accounts.models import User;"
        "User.objects.filter(email='axe@example.org').update(is_operator=False)"
    )
    anonymous.reload()
    expect(anonymous.get_by_text("Nobody has given you a domain to look after.")).to_be_visible()
    check(anonymous)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/nowhere/",
        "/find/?q=ada",
        "/find/?q=adda@{domain}",
        "/removed/",
        "/domains/",
        "/domains/?q=nothing",
        "/domains/{domain}/mailboxes/",
        "/domains/{domain}/mailboxes/?q=nothing",
        "/domains/{domain}/aliases/",
        "/domains/{domain}/settings/",
        "/domains/{domain}/settings/unknown/",
        "/domains/{domain}/settings/names/",
        "/domains/{domain}/settings/limits/",
        "/domains/{domain}/settings/owners/",
        "/domains/{domain}/remove/",
        "/domains/{domain}/people/",
        "/domains/{domain}/activity/",
        "/people/",
        "/people/1/",
        "/people/invite/",
        "/requests/",
        "/activity/",
        "/sync/",
        "/sync/plan/",
        "/sync/host/",
        "/sync/history/",
        "/sync/doctor/",
        "/password/",
        "/security/",
        "/security/app/add/",
        "/security/codes/new/",
        "/sign-out/",
        "/domains/nowhere.example/mailboxes/",
    ],
)
def test_every_page_of_the_operator(page, quiet_domain, address):
    page.goto(address.format(domain=quiet_domain))
    check(page)


@pytest.mark.parametrize(("tab", "local"), [("mailboxes", "ada"), ("aliases", "sales")])
def test_the_page_of_an_address_and_the_one_that_asks_before_removing_it(
    page, quiet_domain, tab, local
):
    page.goto(f"/domains/{quiet_domain}/{tab}/")
    page.get_by_role("link", name=f"{local}@{quiet_domain}", exact=True).click()
    page.wait_for_url(AN_ADDRESS)
    here = page.url
    for part in ("", *(TABS if tab == "mailboxes" else ()), "remove/"):
        page.goto(f"{here}{part}")
        check(page)
    page.goto(f"/domains/{quiet_domain}/{tab}/")
    page.get_by_role("link", name=f"Remove {local}@{quiet_domain}").click()
    page.get_by_role("link", name="Keep it").wait_for()
    check(page, "asking in the row")


def test_a_page_with_a_refused_name_a_weak_password_and_the_list_of_keys(page, quiet_domain):
    page.goto(f"/domains/{quiet_domain}/mailboxes/")
    page.get_by_label("Password").fill("ada")
    add_mailbox(page, "ada")
    expect(page.locator("#add .error")).to_have_count(1)
    check(page, "refused")
    page.get_by_role("button", name="Suggest a password").click()
    page.get_by_text("Copy it now").wait_for()
    check(page, "suggested")
    page.set_viewport_size(DESK)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check(page, "keys")


def test_long_names_and_other_alphabets_stay_within_a_phone(page, panel):
    name = f"{'b' * 60}.{'c' * 60}.bücher.example"
    page.goto("/domains/")
    page.get_by_label("New domain").fill(name)
    page.get_by_label("New domain").press("Enter")
    expect_status(page, name, "Live")
    check(page, "domain list")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_text("No mailboxes yet.")).to_be_visible()
    check(page, "no mailboxes")
    add_mailbox(page, "a" * 64)
    expect_status(page, f"{'a' * 64}@{name}", "Live")
    check(page, "mailbox list")
    page.get_by_role("link", name=f"{'a' * 64}@{name}", exact=True).click()
    page.wait_for_url(AN_ADDRESS)
    check(page, "mailbox")
    start = page.url.partition("/mailboxes/")[0]
    for tab in ("aliases", "settings", "activity"):
        page.goto(f"{start}/{tab}/")
        check(page, tab)


def test_pages_while_a_row_is_removed_and_a_domain_is_off(page, domain):
    page.goto(f"/domains/{domain}/mailboxes/")
    page.get_by_role("link", name=f"Remove bob@{domain}").click()
    page.get_by_role("button", name=f"Remove mailbox bob@{domain}").click()
    expect_status(page, f"bob@{domain}", "Removed")
    check(page, "removed row")
    page.get_by_role("link", name=f"bob@{domain}", exact=True).click()
    expect(page.get_by_text("This mailbox is removed")).to_be_visible()
    check(page, "removed mailbox")
    page.goto(f"/domains/{domain}/settings/")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    check(page, "domain off")


def test_what_was_removed_says_until_when_it_refuses_and_the_operator_ends_that(
    page, panel, domain
):
    host, further = panel.host, f"further.{domain}"
    page.goto(f"/domains/{domain}/settings/names/")
    page.get_by_label("New alias domain").fill(further)
    page.get_by_role("button", name="Add alias domain").click()
    name = page.locator("#names li", has_text=further)
    expect(name.locator(".status")).to_have_text("Live")
    name.get_by_role("button", name="Remove").click()
    expect(name.locator(".status")).to_have_text("Removed")
    check(page, "removed alias domain")
    name.get_by_role("button", name="It is served elsewhere now").click()
    expect(page.locator("#names")).not_to_contain_text("It is served elsewhere now")
    wait_until(lambda: host.prepend(further) is None)
    page.get_by_role("link", name="Remove", exact=True).click()
    page.get_by_label(f"Type {domain} to confirm").fill(domain)
    page.get_by_role("button", name=f"Remove domain {domain}").click()
    page.wait_for_url("**/domains/?top=*")
    page.goto(f"/domains/{domain}/settings/")
    expect(page.locator(".headline .status")).to_have_text("Removed")
    check(page, "removed domain")
    page.get_by_role("button", name="It is served elsewhere now").click()
    expect(page.locator("main")).not_to_contain_text("It is served elsewhere now")
    wait_until(lambda: host.prepend(domain) is None)


@pytest.fixture
def foreign_lines(panel):
    """Lines that somebody wrote by hand."""
    files = [panel.host.home / name for name in ("control/rcpthosts", "control/virtualdomains")]
    for file, line in zip(files, ("by-hand.example", "by-hand.example:alias-by-hand"), strict=True):
        with file.open("a") as shared:
            shared.write(f"{line}\n")
    yield
    for file in files:
        kept = [line for line in file.read_text().splitlines() if "by-hand" not in line]
        file.write_text("".join(f"{line}\n" for line in kept))


@pytest.fixture
def drift(panel, domain):
    """A file of the panel's that somebody changed by hand, and changes back in the end."""
    file = panel.host.mail / domain / ".qmail-default"
    before = file.read_text()
    file.write_text("&by-hand@elsewhere.example\n")
    yield
    file.write_text(before)


def test_the_pages_about_sync_when_the_host_fails(page, domain, broken_compile):
    page.goto(f"/domains/{domain}/mailboxes/")
    add_mailbox(page, "carol")
    expect_status(page, f"carol@{domain}", "Failed")
    check(page, "failed")
    page.goto("/sync/")
    expect(page.get_by_role("row", name="the whole host")).to_be_visible()
    expect(page.locator("#plan pre")).to_be_visible()
    check(page, "what failed")
    page.goto("/sync/plan/")
    check(page, "plan")


def test_the_files_of_a_host_on_which_others_write(page, domain, foreign_lines, drift):
    reload_until(page, "/sync/host/", f"{domain}/.qmail-default")
    reload_until(page, "/sync/host/", "by-hand.example:alias-by-hand")
    expect(page.get_by_text("&by-hand@elsewhere.example")).to_be_visible()
    check(page)


@pytest.fixture
def traps(panel):
    """What the doctor finds at once: one that lets everybody relay, one that has no effect."""
    control = panel.host.home / "control"
    (control / "percenthack").write_text("anybody.example\n")
    (control / "badmailfrom").write_text(f"{'never-matches' * 12}\n")
    yield
    for name in ("percenthack", "badmailfrom"):
        (control / name).unlink(missing_ok=True)


def test_what_the_doctor_finds(page, traps):
    reload_until(page, "/sync/doctor/", "control/percenthack:1")
    expect(page.get_by_role("row", name="control/badmailfrom:1")).to_be_visible()
    # what other tests left: a forward to a mailbox that they removed
    expect(page.get_by_role("link", name=re.compile(r"Doctor \d+ findings"))).to_be_visible()
    check(page)


@pytest.fixture
def blank_line(panel, domain):
    """A trap below the mail root, where the doctor looks once an hour."""
    file = panel.host.mail / domain / ".qmail-by-hand"
    file.write_text("\n./Maildir/\n")
    yield file
    file.unlink()


def test_the_doctor_looks_again_when_the_operator_wants_it(page, blank_line):
    page.goto("/sync/doctor/")
    expect(page.get_by_text(blank_line.name)).to_have_count(0)
    page.get_by_role("button", name="Look again now").click()
    expect(page.get_by_role("row", name=blank_line.name)).to_be_visible()
    expect(page.get_by_text("is looking now")).to_have_count(0)


def reload_until(page, address, text):
    def is_so():
        page.goto(address)
        return page.get_by_text(text).count()

    wait_until(is_so)


def test_pages_while_the_service_is_stopped(page, domain, stopped_sync):
    page.goto(f"/domains/{domain}/mailboxes/")
    add_mailbox(page, "carol")
    expect_status(page, f"carol@{domain}", "Pending")
    expect(page.get_by_text(WAITING)).to_be_visible()
    check(page, "waiting")
    page.goto("/domains/")
    check(page, "domains wait")
    page.goto("/sync/")
    expect(page.locator("#plan pre")).to_be_visible()
    check(page, "sync does not run")
