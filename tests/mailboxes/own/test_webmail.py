"""Webmail sets the next password, as Roundcube's httpapi driver asks for it."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from qmailpanel.domains.models import OwnItem
from qmailpanel.domains.services import change_withheld
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.opening.app_passwords import add_app_password
from qmailpanel.mailboxes.opening.switches import change_switches
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.secrets.passwords import verify_password

PASSWORD, NEXT = "seven lanterns over quiet water", "eleven boats below a green bridge"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def mailbox(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"), password=PASSWORD)


def ask(user="biliards@pandle.net", present=PASSWORD, password=NEXT, **more):
    """As the driver does: no cookie, no token, three fields."""
    client = Client(enforce_csrf_checks=True)
    fields = {"user": user, "curpass": present, "newpass": password}
    answer = client.post("/mailbox/api/password/", fields, **more)
    return answer.status_code, answer.content.decode()


def is_now(password):
    return verify_password(password, Mailbox.objects.get().password)


def test_the_right_password_sets_the_next_one_and_the_answer_is_ok(mailbox):
    assert ask() == (200, "ok")
    assert is_now(NEXT)
    change = Change.objects.latest("id")
    assert (change.verb, change.actor_name) == (Verb.PASSWORD, "biliards@pandle.net")


def test_a_name_with_what_no_database_takes_is_wrong_as_any_other(mailbox):
    status, _said = ask(user="no\0body@pandle.net")
    assert status == 422
    told = Change.objects.latest("id")
    assert told.verb == Verb.REFUSED
    assert "nobody@pandle.net" in (told.actor_name, told.target)


def test_a_form_as_a_query_string_does_as_well(mailbox):
    body = f"user=Biliards%40pandle.net&curpass={PASSWORD}&newpass={NEXT}".replace(" ", "+")
    answer = Client(enforce_csrf_checks=True).post(
        "/mailbox/api/password/", body, content_type=FORM
    )
    assert answer.content == b"ok"


@pytest.mark.parametrize(
    "typed",
    [
        {"present": "wrong"},
        {"present": ""},
        {"user": "nobody@pandle.net"},
        {"user": ""},
        {"password": "biliards"},
        {"password": ""},
        {"password": "a\nb"},
    ],
)
def test_anything_else_changes_nothing_and_is_no_success(mailbox, typed):
    status, said = ask(**typed)
    assert status == 422
    assert said != "ok"
    assert is_now(PASSWORD)


def test_wrong_and_unknown_are_answered_alike(mailbox):
    assert ask(present="wrong") == ask(user="nobody@pandle.net")


def test_an_app_password_sets_nothing(mailbox):
    _row, text = add_app_password(SYSTEM, mailbox, name="x", imap=True, pop3=True, sending=True)
    assert ask(present=text)[0] == 422
    assert is_now(PASSWORD)


def test_what_the_operator_keeps_from_owners_webmail_does_not_do(mailbox, domain):
    change_withheld(SYSTEM, domain, withheld=[OwnItem.PASSWORD])
    assert ask()[0] == 422
    change_withheld(SYSTEM, domain, withheld=[])
    change_switches(SYSTEM, mailbox, panel=False)
    assert ask()[0] == 422
    assert is_now(PASSWORD)


def test_tries_are_limited_and_noted(mailbox):
    cache.clear()
    answers = [ask(present="wrong")[0] for _ in range(7)]
    assert answers == [422] * 5 + [429] * 2
    assert Change.objects.filter(verb=Verb.REFUSED).count() == 5
    assert ask()[0] == 429
    assert is_now(PASSWORD)


def test_right_changes_of_everybody_behind_one_webmail_are_no_tries(domain):
    cache.clear()
    for number in range(12):
        add_mailbox(SYSTEM, domain, LocalPart(f"box{number}"), password=PASSWORD)
        assert ask(user=f"box{number}@pandle.net") == (200, "ok")


def test_another_password_that_is_too_easy_is_no_try(mailbox):
    cache.clear()
    answers = [ask(password="biliards")[0] for _ in range(7)]
    assert answers == [422] * 7
    assert ask() == (200, "ok")


def test_neighbours_in_one_network_share_their_tries(mailbox):
    cache.clear()
    tries = [ask(present="wrong", REMOTE_ADDR=f"2001:db8::{n}")[0] for n in range(7)]
    assert tries == [422] * 5 + [429] * 2


def test_only_a_post_is_asked(mailbox):
    assert Client().get("/mailbox/api/password/").status_code == 405
