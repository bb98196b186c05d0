"""Second factors and sessions in a real browser, on a host name for which it keeps passkeys."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import WIDE, running
from tests.e2e.pages import expect_copied, wait_for_today
from tests.e2e.product import PASSWORD, Product
from tests.e2e.test_every_page import check
from tests.kit.signing_in import code_of

pytestmark = pytest.mark.e2e
OVERDUE = """
from datetime import timedelta
from django.utils import timezone
from qmailpanel.accounts.models import User
User.objects.filter(email="%s").update(since=timezone.now() - timedelta(days=8))
"""


@pytest.fixture(scope="module")
def panel(new_panel: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A panel at http://localhost that asks operators for a second factor."""
    directory = tmp_path_factory.mktemp("secure") / "panel"
    found = new_panel.copy_to(
        directory, host_name="localhost", QMAILPANEL_SECOND_FACTOR="operators"
    )
    with running(found):
        yield found


def arrive(page: Page, panel: Product, email: str) -> None:
    page.goto(panel.link(email))
    page.get_by_role("button", name="Sign in as").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    wait_for_today(page)


def sign_out(page: Page) -> None:
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def type_password(page: Page, email: str) -> None:
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()


def set_up_app(page: Page) -> tuple[str, list[str]]:
    """The secret, and the recovery codes that came with it."""
    page.goto("/security/app/add/")
    secret = page.locator("output").inner_text()
    page.get_by_label("Code that the app shows").fill(code_of(secret, time.time()))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return secret, page.locator(".codes li").all_inner_texts()


def give_key(page: Page) -> None:
    """A phone that keeps passkeys and asks for a finger, as far as the browser can tell."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_an_operator_sets_an_app_up_and_signs_in_with_it(open_page, panel):
    page, email = open_page(), "app@example.org"
    arrive(page, panel, email)
    expect(page.get_by_text("You need a second factor from")).to_be_visible()
    check(page, "banner")
    page.get_by_role("link", name="Set it up").click()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()
    check(page, "security without factors")
    page.get_by_role("link", name="Set up an app").click()
    expect(page.get_by_role("img", name="The secret as a picture to scan")).to_be_visible()
    check(page, "setting up")
    secret, codes = set_up_app(page)
    assert len(set(codes)) == 10
    check(page, "recovery codes")
    page.set_viewport_size(WIDE)
    expect_copied(page, "Copy the codes", "\n".join(codes))
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the codes").click()
    assert downloading.value.suggested_filename == "recovery-codes.txt"
    title, *listed = downloading.value.path().read_text().split()
    assert (title, listed[-10:]) == ("Recovery", codes)
    page.emulate_media(media="print")
    expect(page.locator(".rail, .buttons").filter(visible=True)).to_have_count(0)
    expect(page.locator(".codes")).to_be_visible()
    page.emulate_media(media="screen")
    page.evaluate("void (window.print = () => { window.printed = true })")  # not called at once
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.get_by_role("link", name="I have written them down").click()
    expect(page.get_by_text("10 are unused.")).to_be_visible()
    expect(page.get_by_text("You need a second factor")).to_have_count(0)
    check(page, "security with an app")
    page.goto("/security/codes/")
    expect(page.get_by_text("They were shown once already.")).to_be_visible()
    check(page, "codes shown")
    sign_out(page)
    type_password(page, email)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    check(page, "second step")
    type_code(page, "000000")
    expect(page.get_by_text("That code is wrong")).to_be_visible()
    check(page, "wrong code")
    type_code(page, code_of(secret, time.time() + 30))
    wait_for_today(page)


def test_a_recovery_code_signs_in_once(open_page, panel):
    page, email = open_page(), "recovery@example.org"
    arrive(page, panel, email)
    _secret, codes = set_up_app(page)
    sign_out(page)
    type_password(page, email)
    type_code(page, codes[3])
    wait_for_today(page)
    page.goto("/security/")
    expect(page.get_by_text("9 are unused.")).to_be_visible()
    sign_out(page)
    type_password(page, email)
    type_code(page, codes[3])
    expect(page.get_by_text("That code is wrong")).to_be_visible()


def test_a_passkey_is_added_signs_in_alone_is_renamed_and_removed(open_page, panel):
    page, email = open_page(), "passkey@example.org"
    give_key(page)
    arrive(page, panel, email)
    page.goto("/security/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("my phone")
    check(page, "adding")
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_role("link", name="I have written them down").click()
    expect(page.get_by_text("enough alone")).to_be_visible()
    check(page, "security with a passkey")
    sign_out(page)
    check(page, "sign in with passkeys")
    page.get_by_role("button", name="Sign in with a passkey").click()
    wait_for_today(page)
    page.goto("/security/")
    page.get_by_role("link", name="Rename my phone").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    check(page, "confirm by password")
    page.get_by_role("link", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    check(page, "confirm by passkey")
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_label("Name").fill("old phone")
    check(page, "rename")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("link", name="Remove old phone").click()
    expect(page.get_by_role("heading", name="Remove passkey old phone?")).to_be_visible()
    check(page, "remove")
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.get_by_text("Recovery codes")).to_have_count(0)


def test_a_passkey_is_the_second_step_after_the_password(open_page, panel):
    page, email = open_page(), "second@example.org"
    give_key(page)
    arrive(page, panel, email)
    page.goto("/security/passkeys/add/")
    page.get_by_label("Sign in with this passkey alone").uncheck()
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_role("link", name="I have written them down").click()
    sign_out(page)
    type_password(page, email)
    page.get_by_role("button", name="Use a passkey").click()
    wait_for_today(page)


def test_who_has_no_passkey_is_told_on_the_page(open_page):
    page = open_page()
    page.goto("/sign-in/")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")  # without any authenticator
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("The passkey was not used.")).to_be_visible()
    check(page, "not used")


def test_the_app_is_removed_after_confirming_by_a_code(open_page, panel):
    page, email = open_page(), "remove@example.org"
    arrive(page, panel, email)
    _secret, codes = set_up_app(page)
    sign_out(page)
    type_password(page, email)
    type_code(page, codes[0])
    wait_for_today(page)
    page.goto("/security/")
    page.get_by_role("link", name="Make new codes…").click()
    page.get_by_role("link", name="Use a code").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    check(page, "confirm by code")
    page.get_by_label("Code").fill(codes[1])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Make new recovery codes?")).to_be_visible()
    check(page, "new codes")
    page.goto("/security/app/remove/")
    expect(page.get_by_role("heading", name="Remove the app?")).to_be_visible()
    check(page, "removing")
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_role("link", name="Set up an app")).to_be_visible()
    page.goto("/password/")
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    check(page, "password")


def test_who_is_late_is_led_to_setting_a_second_factor_up(open_page, panel):
    page, email = open_page(), "late@example.org"
    arrive(page, panel, email)
    panel.shell(OVERDUE % email)
    page.goto("/activity/")
    expect(page).to_have_url(re.compile("/security/$"))
    expect(page.get_by_text("You need a second factor before you can go on")).to_be_visible()
    check(page, "late")
    set_up_app(page)
    page.get_by_role("link", name="I have written them down").click()
    page.goto("/activity/")
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()


def test_sessions_elsewhere_are_ended_one_by_one_and_all_at_once(open_page, panel):
    email = "sessions@example.org"
    here, there, third = open_page(), open_page(), open_page()
    arrive(here, panel, email)
    for page in (there, third):
        type_password(page, email)
        wait_for_today(page)
    here.get_by_role("link", name=email).click()
    expect(here.get_by_text("this one")).to_have_count(1)
    check(here, "three sessions")
    here.set_viewport_size(WIDE)
    here.get_by_role("button", name="End the session").first.click()
    expect(here.get_by_role("button", name="End the session")).to_have_count(1)
    here.get_by_role("button", name="End all others").click()
    expect(here.get_by_role("button", name="End all others")).to_have_count(0)
    for page in (there, third):
        page.goto("/domains/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_guessing_is_stopped_with_a_sentence(open_page, panel):
    page = open_page()
    page.goto("/sign-in/")
    for _ in range(6):
        page.get_by_label("E-mail address").fill("guessed@example.org")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Too many failed tries.")).to_be_visible()
    check(page, "locked")


def test_where_passkeys_do_not_work_nothing_speaks_of_them(own_page):
    page = own_page
    page.goto("/security/")
    expect(page.get_by_role("heading", name="Authenticator app")).to_be_visible()
    expect(page.get_by_text("passkey")).to_have_count(0)
