"""Sessions are listed and ended, and the ledger says what was done about signing in."""

from __future__ import annotations

import json
import time

import pytest
from allauth.usersessions.models import UserSession
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qmailpanel.accounts.services import make_sign_in_link
from qmailpanel.accounts.sessions import browser_of
from qmailpanel.ledger.models import Change
from tests.kit.passkeys import Key
from tests.kit.signing_in import (
    code_of,
    confirm,
    enrol,
    ledger,
    secret_on,
    signed_in_as,
    type_password,
    with_password,
)

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
EDGE = f"{CHROME} Edg/140.0.0.0"
NEW = "a new lantern over quiet water"


@pytest.fixture
def person(colleague):
    return with_password(colleague)


def signed_in(person, agent=FIREFOX, address="192.0.2.1"):
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    type_password(client, person.email)
    return client


@pytest.fixture
def here(person):
    return signed_in(person)


@pytest.fixture
def there(person):
    return signed_in(person, CHROME, "198.51.100.7")


def rows(client):
    page = client.get(reverse("accounts:security"))
    return [(one.browser, one.ip, one.is_current) for one in page.context["sessions"]]


def row_of(client):
    return UserSession.objects.get(session_key=client.session.session_key)


def test_the_page_lists_where_a_person_is_signed_in_this_session_first(here, there):
    assert rows(here) == [
        ("Firefox on Linux", "192.0.2.1", True),
        ("Chrome on Windows", "198.51.100.7", False),
    ]
    assert rows(there)[0] == ("Chrome on Windows", "198.51.100.7", True)


def test_one_session_is_ended_and_the_others_go_on(person, here, there):
    third = signed_in(person, PHONE)
    here.post(reverse("accounts:end_session", args=[row_of(there).pk]))
    assert [signed_in_as(client) for client in (here, there, third)] == [
        person.email,
        None,
        person.email,
    ]


def test_all_others_are_ended_at_once(person, here, there):
    third = signed_in(person, PHONE)
    here.post(reverse("accounts:end_sessions"))
    assert [signed_in_as(client) for client in (here, there, third)] == [person.email, None, None]
    assert len(rows(here)) == 1


def test_somebody_elses_session_does_not_exist(here, stranger):
    theirs = signed_in(with_password(stranger))
    answer = here.post(reverse("accounts:end_session", args=[row_of(theirs).pk]))
    assert answer.status_code == 404
    assert signed_in_as(theirs) == stranger.email
    here.post(reverse("accounts:end_sessions"))
    assert signed_in_as(theirs) == stranger.email


def test_a_session_that_began_by_a_link_or_a_passkey_is_listed_too(operator):
    token = make_sign_in_link(operator).partition("token=")[2]
    client = Client()
    client.post(reverse("accounts:sign_in_by_link"), {"token": token})
    assert len(rows(client)) == 1


def test_who_signed_out_is_listed_no_more(here, there, person):
    there.post(reverse("account_logout"))
    assert len(rows(here)) == 1


def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(person, here, there):
    confirm(here)
    before = here.session.session_key
    here.post(reverse("account_change_password"), {"password": NEW})
    assert signed_in_as(here) == person.email
    assert signed_in_as(there) is None
    assert here.session.session_key != before
    assert [is_current for _browser, _ip, is_current in rows(here)] == [True]


def test_looking_at_pages_writes_nothing_about_the_session(here):
    here.get(reverse("activity:list"))
    before = row_of(here).last_seen_at
    here.get(reverse("activity:list"))
    assert row_of(here).last_seen_at == before


def test_whether_there_is_a_second_factor_costs_no_further_query(as_operator, settings):
    def count(asked):
        settings.QMAILPANEL_SECOND_FACTOR = asked
        with CaptureQueriesContext(connection) as seen:
            as_operator.get(reverse("activity:list"))
        return len(seen)

    assert count("everybody") == count("none")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (PHONE, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_named_as_people_call_it(agent, words):
    assert browser_of(agent) == words


# the ledger


def last():
    change = Change.objects.latest("id")
    return ledger()[-1], change.ip, change.after


def test_a_sign_in_stands_in_the_ledger_with_its_way_and_address(person, here):
    said = f"{person} signed in person {person}"
    assert last() == (said, "192.0.2.1", {"by": ["password"]})
    here.logout()
    secret = enrol(person)
    type_password(here, person.email)
    here.post(reverse("mfa_authenticate"), {"code": code_of(secret, time.time())})
    assert last() == (said, "192.0.2.1", {"by": ["password", "code"]})
    assert Change.objects.latest("id").actor == person


def test_a_password_alone_is_no_sign_in_where_a_second_factor_is_asked_for(person):
    enrol(person)
    before = ledger()
    type_password(Client(), person.email)
    assert ledger() == before


def test_a_sign_in_by_link_and_by_passkey_says_so(operator):
    token = make_sign_in_link(operator).partition("token=")[2]
    client = Client()
    client.post(reverse("accounts:sign_in_by_link"), {"token": token})
    assert last()[2] == {"by": ["link"]}
    key = Key()
    key.belongs_to(operator)
    client.post(reverse("account_logout"))
    page = client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})
    challenge = page.json()["request_options"]["publicKey"]["challenge"]
    credential = json.dumps(key.sign(challenge, operator))
    client.post(reverse("mfa_login_webauthn"), {"credential": credential})
    assert last()[2] == {"by": ["passkey"]}


@pytest.mark.parametrize("email", ["colleague@example.org", "nobody@example.org"])
def test_a_refused_sign_in_stands_in_the_ledger_whoever_was_typed(person, email):
    type_password(Client(), email, "wrong", REMOTE_ADDR="192.0.2.9")
    assert last() == (f"somebody refused person {email}", "192.0.2.9", {"by": ["password"]})
    assert Change.objects.latest("id").actor is None


def test_what_is_no_address_stands_nowhere(db):
    before = ledger()
    type_password(Client(), "my secret password", "wrong")
    type_password(Client(), f"{'a' * 60}@{'b.' * 120}example", "wrong")
    assert [line for line in ledger() if line not in before and "secret" in line] == []
    assert all(len(change.target) <= 254 for change in Change.objects.all())


def test_refused_sign_ins_fill_the_ledger_no_further_than_the_limit(person):
    for _ in range(20):
        type_password(Client(), person.email, "wrong")
    assert Change.objects.filter(verb="refused").count() == 5


def test_a_wrong_code_is_a_refused_sign_in(person):
    enrol(person)
    client = Client()
    type_password(client, person.email)
    client.post(reverse("mfa_authenticate"), {"code": "12"})
    said, _ip, after = last()
    assert (said, after) == (f"somebody refused person {person}", {"by": ["code"]})


def test_a_passkey_that_does_not_fit_is_a_refused_sign_in(person):
    Key().belongs_to(person)
    client = Client()
    client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})
    client.post(reverse("mfa_login_webauthn"), {"credential": '{"id": "x"}'})
    assert (ledger()[-1], last()[2]) == ("somebody refused person ", {"by": ["passkey"]})
    type_password(client, person.email)
    client.get(reverse("mfa_authenticate"))
    wrong = json.dumps(Key().sign("AAAA", person))
    client.post(reverse("mfa_authenticate"), {"credential": wrong})
    assert (ledger()[-1], last()[2]) == (f"somebody refused person {person}", {"by": ["passkey"]})
    for _ in range(10):
        client.post(reverse("mfa_authenticate"), {"credential": wrong})
    assert Change.objects.filter(verb="refused").count() == 6


@pytest.mark.django_db(transaction=True)
def test_factors_that_come_and_go_stand_in_the_ledger(person, here):
    confirm(here)
    secret = secret_on(here.get(reverse("mfa_activate_totp")))
    before = len(ledger())
    here.post(reverse("mfa_activate_totp"), {"code": code_of(secret, time.time())})
    here.post(reverse("mfa_deactivate_totp"))
    assert sorted(ledger()[before:]) == [
        f"{person} added factor app of {person}",
        f"{person} added factor recovery codes of {person}",
        f"{person} removed factor app of {person}",
        f"{person} removed factor recovery codes of {person}",
    ]


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_stand_in_the_ledger(person, here):
    enrol(person)
    confirm(here)
    here.post(reverse("mfa_generate_recovery_codes"))
    assert ledger()[-1] == f"{person} added factor recovery codes of {person}"


def test_factors_that_the_command_removes_stand_in_the_ledger(operator):
    Key().belongs_to(operator, "blue key")
    call_command("operator", "--reset-factors", operator.email)
    assert ledger()[-1] == f"command line removed factor passkey blue key of {operator}"


def test_ended_sessions_stand_in_the_ledger(person, here, there):
    here.post(reverse("accounts:end_sessions"))
    assert last()[:2] == (
        f"{person} ended session Chrome on Windows, 198.51.100.7",
        "192.0.2.1",
    )


def test_a_new_password_stands_in_the_ledger_without_the_password(person, here):
    confirm(here)
    here.post(reverse("account_change_password"), {"password": NEW})
    assert last() == (f"{person} password person {person}", "192.0.2.1", {})


def test_a_line_of_the_ledger_reads_as_a_sentence(person, here, as_operator):
    page = as_operator.get(reverse("activity:list")).content.decode()
    assert " signed in from " in page
