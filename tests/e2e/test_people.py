"""People with few rights, from their invitation on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import WIDE, running
from tests.e2e.pages import (
    add_mailbox,
    expect_copied,
    expect_status,
    open_tab,
    row_of,
    wait_for_today,
)
from tests.e2e.product import PASSWORD, Product, wait_until
from tests.e2e.test_every_page import check
from tests.kit.signing_in import code_of

pytestmark = pytest.mark.e2e
OPERATOR, ADMIN, HELPER = "operator@example.org", "admin@example.org", "helper@example.org"
SCENE = """
from qmailpanel.domains.services import add_domain
from qmailpanel.domains.access.limits import change_limits
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import MailAddress, DomainName, LocalPart
domain = add_domain(SYSTEM, DomainName("pandle.net"), contact=MailAddress("operator@example.org"))
add_mailbox(SYSTEM, domain, LocalPart("biliards"), password="seven lanterns over quiet water")
change_limits(SYSTEM, domain, mailboxes=2, aliases=None, destinations=None)
"""


@pytest.fixture(scope="module")
def panel(new_panel: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A panel with pandle.net, which may have two mailboxes; no mail server takes its mail."""
    directory = tmp_path_factory.mktemp("people") / "panel"
    found = new_panel.copy_to(directory, host_name="localhost", EMAIL_URL="smtp://127.0.0.1:9")
    with running(found):
        found.shell(SCENE)
        wait_until(lambda: found.host.assigned("pandle.net", "biliards"))
        yield found


@pytest.fixture
def as_operator(open_page, panel):
    page = open_page()
    page.goto(panel.link(OPERATOR))
    page.get_by_role("button", name="Sign in as").click()
    page.wait_for_url(lambda url: "link" not in url)
    if page.get_by_label("Password").count():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Set password").click()
    wait_for_today(page)
    return page


def invite(page: Page, email: str, preset: str) -> str:
    """The link, which is shown because no mail server takes it."""
    page.set_viewport_size(WIDE)
    page.goto("/domains/pandle.net/people/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name=preset).check()
    check(page, "inviting")
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("could not be sent by mail. Copy this link")).to_be_visible()
    check(page, "invited")
    page.set_viewport_size(WIDE)
    link = page.locator("output").inner_text()
    expect_copied(page, "Copy the link", link)
    return link


def accept(page: Page, link: str) -> None:
    page.goto(link)
    expect(page.get_by_text("asks you to look after the mail of pandle.net")).to_be_visible()
    check(page, "invitation")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="pandle.net")).to_be_visible()
    page.set_viewport_size(WIDE)


def test_from_the_invitation_to_the_limit_and_the_record_of_it(open_page, as_operator, panel):
    page = open_page()
    accept(page, invite(as_operator, ADMIN, "Full"))

    page.goto("/security/app/add/")
    secret = page.locator("output").inner_text()
    page.get_by_label("Code that the app shows").fill(code_of(secret, time.time()))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail address").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(code_of(secret, time.time() + 30))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="pandle.net")).to_be_visible()

    expect(page.get_by_text("1 of 2 in use.")).to_be_visible()
    add_mailbox(page, "snooker")
    expect_status(page, "snooker@pandle.net", "Live")
    add_mailbox(page, "pool")
    expect(page.get_by_text("Mailboxes of pandle.net: 2 of 2 in use.")).to_be_visible()
    check(page, "the limit")
    assert panel.host.assigned("pandle.net", "pool") is None

    page.set_viewport_size(WIDE)
    page.get_by_role("link", name="Activity").last.click()
    expect(page.get_by_text(f"{ADMIN} added the mailbox snooker@pandle.net")).to_be_visible()
    check(page, "activity")


def test_the_help_desk_sees_only_its_buttons_and_is_refused_the_others(
    open_page, as_operator, panel, wrong
):
    page = open_page()
    accept(page, invite(as_operator, HELPER, "Help desk"))
    page.goto("/domains/pandle.net/mailboxes/")
    expect(page.get_by_label("New mailbox")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("^Remove "))).to_have_count(0)
    check(page, "help desk: mailboxes")
    page.set_viewport_size(WIDE)
    page.get_by_role("link", name="biliards@pandle.net", exact=True).click()
    here = page.url
    check(page, "help desk: mailbox")
    page.set_viewport_size(WIDE)
    open_tab(page, "Access")
    expect(page.get_by_role("button", name="Set password")).to_be_visible()
    open_tab(page, "More")
    expect(page.get_by_role("button", name="Switch off biliards@pandle.net")).to_be_visible()
    for heading in ("Rename", "Remove"):
        expect(page.get_by_role("heading", name=heading)).to_have_count(0)
    check(page, "help desk: more of a mailbox")
    page.goto("/domains/pandle.net/settings/unknown/")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    check(page, "help desk: settings")

    page.goto(here)
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    for place, data in (
        (f"{here}remove/", {}),
        (f"{here}rename/", {"local": "x"}),
        ("/domains/pandle.net/mailboxes/", {"local": "byhand"}),
        ("/domains/pandle.net/settings/unknown/", {"unknown": "discard"}),
        ("/domains/pandle.net/people/", {"email": "x@example.org", "preset": "help desk"}),
    ):
        headers = {"Referer": here}
        answer = page.request.post(
            place, form={**data, "csrfmiddlewaretoken": token}, headers=headers
        )
        assert answer.status == 403, place
    assert panel.host.assigned("pandle.net", "biliards") == "pandle.net/biliards"
    page.goto(f"{here}remove/")
    expect(page.get_by_text("You may not create, change, rename and remove")).to_be_visible()
    check(page, "refused")
    assert all("403" in one for one in wrong)
    wrong.clear()


def test_rights_are_changed_and_taken_away_on_a_page(open_page, as_operator, panel):
    page = open_page()
    accept(page, invite(as_operator, "third@example.org", "Help desk"))
    as_operator.goto("/domains/pandle.net/people/")
    as_operator.get_by_role("link", name="third@example.org").click()
    as_operator.get_by_role("radio", name="A choice of these").check()
    as_operator.get_by_role("checkbox", name="let others look after the domain").check()
    check(as_operator, "changing rights")
    as_operator.get_by_role("button", name="Save").click()
    row = as_operator.get_by_role("row").filter(has_text="third@example.org")
    expect(row).to_contain_text("let others look after the domain")
    page.goto("/domains/pandle.net/people/")
    expect(page.get_by_role("button", name="Invite")).to_be_visible()
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    page.reload()
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.goto("/domains/")
    expect(page.get_by_text("No domains yet.")).to_be_visible()
    check(page, "no domain")


COUNT_CLICKS = """
addEventListener("pointerdown", () => {
  sessionStorage.clicks = 1 + Number(sessionStorage.clicks ?? 0);
}, true);
"""
TEN = """
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.names import DomainName
for number in range(10):
    add_domain(SYSTEM, DomainName(f"client{number}.example"))
"""


def test_one_invitation_for_ten_domains_takes_six_clicks_and_their_page_changes_them(
    open_page, as_operator, panel
):
    panel.shell(TEN)
    names = [f"client{number}.example" for number in range(10)]
    page = as_operator
    page.add_init_script(COUNT_CLICKS)
    page.goto("/domains/")
    page.get_by_role("navigation", name="Panel").get_by_role("link", name="People").click()
    page.get_by_text("Invite somebody").click()
    page.get_by_label("E-mail address").click()
    page.keyboard.type("agency@example.org")
    page.get_by_label("Domains", exact=True).click()
    page.keyboard.insert_text("\n".join(names))
    page.get_by_role("radio", name="Help desk").click()
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("could not be sent by mail. Copy this link")).to_be_visible()
    assert int(page.evaluate("sessionStorage.clicks")) <= 6
    check(page, "invited to ten")
    page.set_viewport_size(WIDE)

    invited = open_page()
    invited.goto(page.locator("output").inner_text())
    expect(invited.get_by_role("list", name="Domains").get_by_role("listitem")).to_have_count(10)
    check(invited, "invitation to ten")
    invited.get_by_label("Password").fill(PASSWORD)
    invited.get_by_role("button", name="Accept").click()
    expect(invited.get_by_role("link", name=names[9])).to_be_visible()

    page.goto("/people/")
    page.get_by_role("link", name="agency@example.org").click()
    page.get_by_label("Find a domain").fill("client3")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("checkbox", name=names[3]).check()
    page.get_by_role("radio", name="Full").check()
    check(page, "a person")
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=names[3])).to_contain_text("Full")
    page.goto(page.url.partition("?")[0])
    expect(page.get_by_role("row").filter(has_text="Help desk")).to_have_count(9)
    page.get_by_label("All of this list").check()
    page.get_by_role("button", name="Take all rights away").click()
    expect(page.get_by_text("in 10 domains away?")).to_be_visible()
    check(page, "the question before rights are taken away")
    page.get_by_role("button", name="Take them away").click()
    expect(page.get_by_text("agency@example.org looks after no domain.")).to_be_visible()
    check(page, "a person without domains")
    invited.reload()
    expect(invited.get_by_text("Nobody has given you a domain to look after.")).to_be_visible()


def test_a_name_is_asked_for_and_given(open_page, as_operator, panel):
    page = open_page()
    accept(page, invite(as_operator, "fourth@example.org", "Full"))
    page.goto("/requests/")
    page.get_by_role("textbox", name="Domain").fill("gmail.com")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("belongs to a well-known mail provider")).to_be_visible()
    check(page, "refused")
    page.get_by_role("textbox", name="Domain").fill("bücher.example")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="TXT record")).to_contain_text("IN TXT")
    check(page, "asked")
    as_operator.goto("/people/")
    check(as_operator, "people")
    as_operator.set_viewport_size(WIDE)
    as_operator.get_by_role("link", name="Requests", exact=True).click()
    check(as_operator, "requests")
    as_operator.get_by_role("button", name="Yes, add it").click()
    expect(as_operator.get_by_text("Nobody waits for a name.")).to_be_visible()
    wait_until(lambda: panel.host.accepts("xn--bcher-kva.example"))
    page.goto("/domains/")
    expect(page.get_by_role("link", name="bücher.example")).to_be_visible()


def test_the_owner_of_a_mailbox_sets_the_next_password_and_has_nothing_else(open_page, panel):
    page, following = open_page(), "eleven boats below a green bridge"
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill("biliards@pandle.net")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="biliards@pandle.net")).to_be_visible()
    expect(page.get_by_role("link", name="Domains")).to_have_count(0)
    page.get_by_role("link", name="Password", exact=True).click()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("textbox", name="Password", exact=True).fill(following)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("The password is set.")).to_be_visible()
    page.set_viewport_size(WIDE)
    page.get_by_role("link", name="Activity").click()
    check(page, "owner's activity")


# what people type


HOSTILE = [
    "<script>window.taken = 1</script>",
    '"><img src=x onerror="window.taken = 1">',
    "{{ request.user }}{% debug %} %(name)s %s",
    "\u05e9\u05dc\u05d5\u05dd \u05dc\u05db\u05d5\u05dc\u05dd",
    "w" * 200,
]
TYPED = """
from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Grant, Unknown
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.services import add_domain, change_domain
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, MailAddress, DomainName, LocalPart
user = User.objects.create(email="typist@example.org", password="argon2$nobody")
for number, text in enumerate(%r):
    domain = add_domain(SYSTEM, DomainName(f"typed{number}.example"))
    Grant.objects.create(user=user, domain=domain, rights=Right.values)
    who = Actor(user.pk, text, None)
    change_domain(who, domain, description=text, unknown=Unknown.BOUNCE, unknown_text=text)
    box = add_mailbox(who, domain, LocalPart("box"), comment=text)
    change_mailbox(who, box, refusal=text)
    switch_mailbox(who, box, on=False)
    targets = [MailAddress("x@elsewhere.example")]
    add_alias(who, domain, AliasLocal("list"), targets, comment=text)
"""


def test_whatever_an_admin_types_is_shown_harmlessly_to_the_operator(as_operator, panel):
    page = as_operator
    panel.shell(TYPED % (HOSTILE,))
    for address in ("/domains/", "/activity/", "/sync/", "/people/", "/requests/"):
        page.goto(address)
        assert page.evaluate("window.taken") is None
        check(page, address)
    page.set_viewport_size(WIDE)
    for number, text in enumerate(HOSTILE):
        see_what_was_typed(page, f"typed{number}.example", text, is_longest=text == HOSTILE[-1])


def see_what_was_typed(page, domain, text, *, is_longest):
    """The pages of one domain; where the longest text fits, the others do too."""
    page.goto("/domains/?q=typed")
    expect(row_of(page, domain)).to_contain_text(text)
    for tab in ("settings", "activity", "people", "aliases", "mailboxes"):
        page.goto(f"/domains/{domain}/{tab}/")
        assert page.evaluate("window.taken") is None
        if is_longest:
            check(page, tab)
            page.set_viewport_size(WIDE)
    expect(row_of(page, f"box@{domain}")).to_contain_text(text)
    page.get_by_role("link", name=f"box@{domain}", exact=True).click()
    expect(page.get_by_label("Comment")).to_have_value(text)
    assert page.evaluate("window.taken") is None
    if is_longest:
        check(page, "mailbox")
