"""Second factors: codes of an app, recovery codes, passkeys, and who must have one."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.accounts.services import add_operator, make_sign_in_link
from qmailpanel.web_address import WebAddress
from tests.kit.passkeys import Key
from tests.kit.signing_in import (
    PASSWORD,
    code_of,
    codes_on,
    confirm,
    enrol,
    kinds_of,
    secret_on,
    signed_in_as,
    text_of,
    type_password,
    with_password,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def person(colleague):
    """Somebody with a password who just confirmed it."""
    return with_password(colleague)


@pytest.fixture
def as_person(person, anonymous):
    """The person's, signed in, and confirmed a moment ago."""
    type_password(anonymous, person.email)
    confirm(anonymous)
    return anonymous


@pytest.fixture
def noon():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def second_step(client, code):
    return client.post(reverse("mfa_authenticate"), {"code": code})


# codes of an app


def test_an_app_is_set_up_by_its_first_code_and_recovery_codes_come_with_it(as_person, person):
    page = as_person.get(reverse("mfa_activate_totp"))
    code = code_of(secret_on(page), time.time())
    answer = as_person.post(reverse("mfa_activate_totp"), {"code": code})
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    assert kinds_of(person) == {"totp", "recovery_codes"}


def test_a_wrong_first_code_sets_nothing_up_and_keeps_the_secret(as_person, person):
    secret = secret_on(as_person.get(reverse("mfa_activate_totp")))
    wrong = "000000" if code_of(secret, time.time()) != "000000" else "111111"
    page = as_person.post(reverse("mfa_activate_totp"), {"code": wrong})
    assert secret_on(page) == secret
    assert kinds_of(person) == set()


def test_the_picture_of_the_secret_is_in_the_page_itself(as_person):
    page = as_person.get(reverse("mfa_activate_totp")).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    assert "style=" not in page


def test_no_row_of_the_database_holds_a_secret_while_it_is_set_up_or_later(as_person, person):
    secret = secret_on(as_person.get(reverse("mfa_activate_totp")))
    assert secret not in everything_stored()
    as_person.post(reverse("mfa_activate_totp"), {"code": code_of(secret, time.time())})
    seed = Authenticator.objects.get(user=person, type="recovery_codes").wrap()
    assert secret not in everything_stored()
    for code in seed.generate_codes():
        assert code not in everything_stored()
    assert Authenticator.objects.get(user=person, type="totp").data["secret"].startswith("gAAAA")


def everything_stored():
    """Every row of every table, and what the sessions mean."""
    with connection.cursor() as cursor:
        text = ""
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            text += str(cursor.fetchall())
    return text + str([row.get_decoded() for row in Session.objects.all()])


def test_another_key_file_cannot_read_the_secrets(person, settings):
    code = code_of(enrol(person), time.time())
    settings.QMAILPANEL_FACTOR_KEY = "of another host"
    assert not Authenticator.objects.get(user=person).wrap().validate_code(code)


def test_who_has_an_app_is_asked_for_its_code_after_the_password(person, anonymous):
    secret = enrol(person)
    assert type_password(anonymous, person.email)["Location"] == reverse("mfa_authenticate")
    assert signed_in_as(anonymous) is None
    second_step(anonymous, code_of(secret, time.time()))
    assert signed_in_as(anonymous) == person.email


def test_a_code_signs_nobody_in_without_the_password(person, anonymous):
    secret = enrol(person)
    answer = second_step(anonymous, code_of(secret, time.time()))
    assert answer["Location"] == reverse("account_login")
    assert signed_in_as(anonymous) is None


def test_a_code_works_once_through_all_of_its_time(person, anonymous, noon):
    secret = enrol(person)
    code = code_of(secret, NOON.timestamp() + 30)  # of a clock that is ahead
    type_password(anonymous, person.email)
    second_step(anonymous, code)
    assert signed_in_as(anonymous) == person.email
    for seconds in (1, 31, 59):
        noon.move_to(NOON + timedelta(seconds=seconds))
        anonymous.logout()
        type_password(anonymous, person.email)
        second_step(anonymous, code)
        assert signed_in_as(anonymous) is None


def test_the_code_that_set_the_app_up_signs_nobody_in(as_person, person, noon):
    confirm(as_person)
    secret = secret_on(as_person.get(reverse("mfa_activate_totp")))
    code = code_of(secret, NOON.timestamp())
    as_person.post(reverse("mfa_activate_totp"), {"code": code})
    as_person.logout()
    type_password(as_person, person.email)
    second_step(as_person, code)
    assert signed_in_as(as_person) is None


@pytest.mark.parametrize(("seconds", "works"), [(-30, True), (30, True), (-90, False), (90, False)])
def test_clocks_may_differ_by_half_a_minute(person, anonymous, noon, seconds, works):
    secret = enrol(person)
    type_password(anonymous, person.email)
    second_step(anonymous, code_of(secret, NOON.timestamp() + seconds))
    assert (signed_in_as(anonymous) is not None) is works


def test_guessing_codes_is_stopped_after_a_few_tries(person, anonymous, noon):
    secret = enrol(person)
    type_password(anonymous, person.email)
    right = code_of(secret, NOON.timestamp())
    for guess in range(5):
        second_step(anonymous, f"{(int(right) + 1 + guess) % 1_000_000:06}")
    second_step(anonymous, right)
    assert signed_in_as(anonymous) is None


# recovery codes


@pytest.fixture
def codes(as_person, person):
    """The codes that were shown to the person."""
    enrol(person)
    return codes_on(as_person.post(reverse("mfa_generate_recovery_codes"), follow=True))


def test_recovery_codes_are_shown_once(as_person, codes):
    assert len(set(codes)) == 10
    again = as_person.get(reverse("mfa_view_recovery_codes"))
    assert codes_on(again) == []
    assert not any(code in again.content.decode() for code in codes)


def test_a_recovery_code_signs_in_once_instead_of_a_code(person, anonymous, codes):
    anonymous.logout()
    for expected in (person.email, None):
        type_password(anonymous, person.email)
        second_step(anonymous, codes[0])
        assert signed_in_as(anonymous) == expected
        anonymous.logout()


def test_new_codes_void_the_old_ones(as_person, person, codes):
    fresh = codes_on(as_person.post(reverse("mfa_generate_recovery_codes"), follow=True))
    assert not set(fresh) & set(codes)
    as_person.logout()
    type_password(as_person, person.email)
    second_step(as_person, codes[0])
    assert signed_in_as(as_person) is None


def test_who_removes_the_last_factor_has_no_recovery_codes_either(as_person, person, codes):
    as_person.post(reverse("mfa_deactivate_totp"))
    assert kinds_of(person) == set()


def test_recovery_codes_alone_are_no_second_factor(person):
    Authenticator.objects.create(user=person, type="recovery_codes", data={})
    assert not person.has_second_factor


def test_pages_with_secrets_are_kept_by_no_cache(as_person, person):
    page = as_person.get(reverse("mfa_activate_totp"))
    enrol(person)
    shown = as_person.post(reverse("mfa_generate_recovery_codes"), follow=True)
    assert "no-store" in page["Cache-Control"]
    assert "no-store" in shown["Cache-Control"]


def test_with_another_factor_key_no_code_fits_and_the_page_says_so(
    person, anonymous, codes, settings
):
    settings.QMAILPANEL_FACTOR_KEY = "another"
    anonymous.logout()
    for code in (code_of("JBSWY3DPEHPK3PXP", time.time()), codes[0]):
        type_password(anonymous, person.email)
        assert second_step(anonymous, code).status_code == 200
        assert signed_in_as(anonymous) is None


# passkeys


def challenge_for(client):
    answer = client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})
    return answer.json()["request_options"]["publicKey"]["challenge"]


def by_passkey(client, credential):
    data = {"credential": json.dumps(credential)}
    return client.post(reverse("mfa_login_webauthn"), data)


def test_a_passkey_signs_in_without_password_and_without_a_second_step(person, anonymous):
    key = Key()
    key.belongs_to(person)
    answer = by_passkey(anonymous, key.sign(challenge_for(anonymous), person))
    assert answer["Location"] == "/"
    assert signed_in_as(anonymous) == person.email


def test_a_key_that_somebody_found_is_not_enough_alone(person, anonymous):
    key = Key()
    key.belongs_to(person)
    challenge = challenge_for(anonymous)
    by_passkey(anonymous, key.sign(challenge, person, verified=False))
    assert signed_in_as(anonymous) is None


@pytest.mark.parametrize(
    "wrong",
    [{"origin": "https://evil.example"}, {"host": "evil.example"}],
    ids=["lured elsewhere", "made for elsewhere"],
)
def test_a_passkey_of_another_host_signs_nobody_in(person, anonymous, wrong):
    key = Key(**wrong)
    key.belongs_to(person)
    by_passkey(anonymous, key.sign(challenge_for(anonymous), person))
    assert signed_in_as(anonymous) is None


def test_the_second_step_offers_a_passkey_to_who_has_one(person, anonymous):
    enrol(person)
    type_password(anonymous, person.email)
    assert "passkey" not in anonymous.get(reverse("mfa_authenticate")).content.decode()
    Key().belongs_to(person)
    assert "Use a passkey" in anonymous.get(reverse("mfa_authenticate")).content.decode()


def test_somebody_elses_passkey_does_not_sign_a_person_in(person, stranger, anonymous):
    key = Key()
    key.belongs_to(stranger)
    answer = by_passkey(anonymous, key.sign(challenge_for(anonymous), person))
    assert signed_in_as(anonymous) is None
    assert "not known here" in anonymous.get(answer["Location"]).content.decode()


def test_an_answer_for_another_challenge_signs_nobody_in(person, anonymous):
    key = Key()
    key.belongs_to(person)
    first = key.sign(challenge_for(anonymous), person)
    challenge_for(anonymous)
    by_passkey(anonymous, first)
    assert signed_in_as(anonymous) is None


def test_what_another_key_signed_under_the_same_name_signs_nobody_in(person, anonymous):
    key, thief = Key(), Key()
    key.belongs_to(person)
    thief.id = key.id
    by_passkey(anonymous, thief.sign(challenge_for(anonymous), person))
    assert signed_in_as(anonymous) is None


def test_an_answer_works_once(person, anonymous):
    key = Key()
    key.belongs_to(person)
    signed = key.sign(challenge_for(anonymous), person)
    by_passkey(anonymous, signed)
    anonymous.logout()
    by_passkey(anonymous, signed)
    assert signed_in_as(anonymous) is None


@pytest.mark.parametrize(
    "junk",
    [
        *("", "null", "1", "[]", "{}", "{", '"x"', '{"response": null}', '{"response": []}'),
        '{"id": "x", "response": {"userHandle": 1}}',
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"userHandle": "é"}}',
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30"}}',
    ],
)
def test_a_made_up_passkey_signs_nobody_in_and_breaks_nothing(anonymous, junk):
    challenge_for(anonymous)
    answer = anonymous.post(reverse("mfa_login_webauthn"), {"credential": junk})
    assert answer.status_code == 302
    assert signed_in_as(anonymous) is None


def test_a_passkey_of_somebody_switched_off_signs_nobody_in(person, anonymous):
    key = Key()
    key.belongs_to(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    by_passkey(anonymous, key.sign(challenge_for(anonymous), person))
    assert signed_in_as(anonymous) is None


def test_a_passkey_is_added_with_recovery_codes_renamed_and_removed(as_person, person):
    as_person.get(reverse("mfa_add_webauthn"))
    challenge = as_person.session["mfa.webauthn.state"]["challenge"]
    sent = {"name": "phone", "credential": json.dumps(Key().register(challenge))}
    as_person.post(reverse("mfa_add_webauthn"), sent)
    assert kinds_of(person) == {"webauthn", "recovery_codes"}
    passkey = Authenticator.objects.get(user=person, type="webauthn")
    as_person.post(reverse("mfa_edit_webauthn", args=[passkey.pk]), {"name": "old phone"})
    assert "old phone" in as_person.get(reverse("accounts:security")).content.decode()
    as_person.post(reverse("mfa_remove_webauthn", args=[passkey.pk]))
    assert kinds_of(person) == set()


@pytest.mark.parametrize("junk", ["{}", "[]", '{"response": {}}', '{"id": "eA", "rawId": "eA"}'])
def test_a_made_up_passkey_is_not_added(as_person, person, junk):
    as_person.get(reverse("mfa_add_webauthn"))
    page = as_person.post(reverse("mfa_add_webauthn"), {"credential": junk})
    assert "was not taken" in page.content.decode()
    assert kinds_of(person) == set()


def test_where_the_base_url_allows_no_passkeys_their_pages_do_not_exist(as_person, settings):
    settings.MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
    for name in ("mfa_add_webauthn", "mfa_login_webauthn"):
        assert as_person.get(reverse(name)).status_code == 404
    as_person.logout()
    page = as_person.get(reverse("account_login")).content.decode()
    assert "passkey" not in page


def test_who_has_only_a_passkey_does_not_get_in_by_password_where_passkeys_do_not_work(
    person, anonymous, settings
):
    Key().belongs_to(person)
    settings.MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
    type_password(anonymous, person.email)
    assert anonymous.get(reverse("mfa_authenticate")).status_code == 200
    assert signed_in_as(anonymous) is None


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://panel.example.org", True),
        ("https://panel.example.org:8443", True),
        ("http://localhost:8025", True),
        ("http://panel.example.org", False),
        ("http://127.0.0.1:8025", False),
        ("https://192.0.2.1", False),
        ("https://[2001:db8::1]:8443", False),
    ],
)
def test_passkeys_are_kept_for_host_names_on_https_and_for_localhost(url, allowed):
    assert WebAddress(url).allows_passkeys is allowed


# confirming


DANGEROUS = [
    "account_change_password",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_add_webauthn",
]


@pytest.mark.parametrize("name", DANGEROUS)
def test_what_is_dangerous_asks_again_who_it_is(as_person, person, codes, name):
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=301)):
        ways = {as_person.get(reverse(name))["Location"], post(as_person, name)["Location"]}
    assert {way.partition("?")[0] for way in ways} == {reverse("account_reauthenticate")}
    assert kinds_of(person) == {"totp", "recovery_codes"}


def post(client, name):
    """The answer to a form; what is only looked at is looked at again."""
    answer = client.post(reverse(name))
    return client.get(reverse(name)) if answer.status_code == 405 else answer


def test_setting_up_an_app_asks_again_who_it_is(person, anonymous):
    anonymous.force_login(person)
    for answer in (
        anonymous.get(reverse("mfa_activate_totp")),
        post(anonymous, "mfa_activate_totp"),
    ):
        assert answer["Location"].startswith(reverse("account_reauthenticate"))


def test_confirming_leads_back_and_lasts_five_minutes(person, anonymous, noon):
    type_password(anonymous, person.email)
    password = reverse("account_change_password")
    way = anonymous.get(password)["Location"]
    assert way == f"{reverse('account_reauthenticate')}?next={password.replace('/', '%2F')}"
    answer = anonymous.post(way, {"password": PASSWORD, "next": password})
    assert answer["Location"] == password
    assert anonymous.get(password).status_code == 200
    noon.shift(299)
    assert anonymous.get(password).status_code == 200
    noon.shift(2)
    assert anonymous.get(password).status_code == 302


def test_a_wrong_password_confirms_nothing(person, anonymous):
    type_password(anonymous, person.email)
    confirm(anonymous, "wrong")
    assert anonymous.get(reverse("account_change_password")).status_code == 302


def test_a_code_and_a_passkey_confirm_too(person, anonymous, noon):
    key, secret = Key(), enrol(person)
    key.belongs_to(person)
    anonymous.force_login(person)
    anonymous.post(reverse("mfa_reauthenticate"), {"code": code_of(secret, NOON.timestamp())})
    assert anonymous.get(reverse("account_change_password")).status_code == 200
    noon.shift(301)
    anonymous.get(reverse("mfa_reauthenticate_webauthn"))
    challenge = anonymous.session["mfa.webauthn.state"]["challenge"]
    credential = json.dumps(key.sign(challenge, person))
    anonymous.post(reverse("mfa_reauthenticate_webauthn"), {"credential": credential})
    assert anonymous.get(reverse("account_change_password")).status_code == 200


def test_a_password_that_was_typed_too_late_is_kept_nowhere(person, anonymous):
    type_password(anonymous, person.email)
    new = "not to be kept in a session"
    anonymous.post(reverse("account_change_password"), {"password": new})
    assert new not in everything_stored()


def test_a_fragment_that_needs_confirming_leads_the_window(person, anonymous):
    anonymous.force_login(person)
    htmx = {"HX-Request": "true", "HX-Current-URL": "http://testserver/domains/"}
    answer = anonymous.get(reverse("account_change_password"), headers=htmx)
    assert answer["HX-Redirect"] == f"{reverse('account_reauthenticate')}?next=%2Fdomains%2F"
    assert answer.content == b""


# who must have one


@pytest.fixture
def boss(noon):
    """An operator since noon, with a password."""
    return with_password(add_operator("boss@example.org"))


@pytest.fixture
def as_boss(boss, anonymous, noon):
    noon.shift(1)
    type_password(anonymous, boss.email)
    return anonymous


LATER = NOON + timedelta(days=7)


def test_within_a_week_a_banner_says_by_when_an_operator_needs_a_second_factor(as_boss):
    page = as_boss.get(reverse("domains:list")).content.decode()
    assert "You need a second factor from 2026-06-08 12:00 UTC on" in text_of(page)
    assert f'href="{reverse("accounts:security")}"' in page


def test_after_a_week_every_page_leads_to_setting_one_up(as_boss, noon):
    noon.move_to(LATER)
    security = reverse("accounts:security")
    for name in ("domains:list", "activity:list", "console:page"):
        assert as_boss.get(reverse(name))["Location"] == security
        assert as_boss.post(reverse(name))["Location"] == security
        fragment = as_boss.get(reverse(name), headers={"HX-Request": "true"})
        assert fragment["HX-Redirect"] == security


def test_after_a_week_one_can_still_be_set_up_and_the_person_can_sign_out(as_boss, boss, noon):
    noon.move_to(LATER)
    assert as_boss.get(reverse("accounts:security")).status_code == 200
    way = as_boss.get(reverse("mfa_activate_totp"))["Location"]
    assert as_boss.get(way).status_code == 200
    confirm(as_boss)
    secret = secret_on(as_boss.get(reverse("mfa_activate_totp")))
    code = code_of(secret, LATER.timestamp())
    shown = as_boss.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    assert len(codes_on(shown)) == 10
    page = as_boss.get(reverse("domains:list"))
    assert page.status_code == 200
    assert "You need a second factor" not in page.content.decode()
    as_boss.post(reverse("account_logout"))
    assert signed_in_as(as_boss) is None


def test_a_passkey_is_a_second_factor_too(as_boss, boss, noon):
    Key().belongs_to(boss)
    noon.move_to(LATER)
    assert as_boss.get(reverse("domains:list")).status_code == 200


def test_recovery_codes_alone_do_not_let_an_operator_go_on(as_boss, boss, noon):
    Authenticator.objects.create(user=boss, type="recovery_codes", data={})
    noon.move_to(LATER)
    assert as_boss.get(reverse("domains:list")).status_code == 302


@pytest.mark.parametrize(
    ("asked", "operator_must", "others_must"),
    [("none", False, False), ("operators", True, False), ("everybody", True, True)],
)
def test_the_setting_says_who_must_have_one(
    boss, person, noon, settings, asked, operator_must, others_must
):
    settings.QMAILPANEL_SECOND_FACTOR = asked
    noon.move_to(datetime.now(UTC) + timedelta(days=3650))
    assert boss.is_factor_overdue is operator_must
    assert person.is_factor_overdue is others_must


def test_the_days_are_a_setting(boss, noon, settings):
    settings.QMAILPANEL_SECOND_FACTOR_DAYS = 0
    assert boss.is_factor_overdue


def test_who_becomes_an_operator_later_has_a_week_from_then(noon):
    User.objects.create(email="boss@example.org", since=NOON - timedelta(days=100))
    assert add_operator("boss@example.org").factor_due == LATER


def test_another_link_gives_an_operator_no_more_time(boss, noon):
    noon.shift(timedelta(days=3))
    assert add_operator(boss.email).factor_due == LATER


# lost


def test_the_printed_link_signs_in_without_the_second_factor(operator, anonymous):
    enrol(with_password(operator))
    link = make_sign_in_link(operator)
    token = link.partition("token=")[2]
    anonymous.post(reverse("accounts:sign_in_by_link"), {"token": token})
    assert signed_in_as(anonymous) == operator.email


def test_the_command_removes_lost_factors(operator, anonymous, capsys):
    enrol(with_password(operator))
    Key().belongs_to(operator)
    call_command("operator", "--reset-factors", operator.email)
    assert kinds_of(operator) == set()
    assert "token=" in capsys.readouterr().out
    type_password(anonymous, operator.email)
    assert signed_in_as(anonymous) == operator.email


def test_the_command_removes_factors_of_operators_only(colleague):
    enrol(colleague)
    with pytest.raises(CommandError, match="no operator"):
        call_command("operator", "--reset-factors", colleague.email)
    assert kinds_of(colleague) == {"totp"}
