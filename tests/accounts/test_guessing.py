"""Guessing is stopped, and no answer tells who exists."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest
from argon2 import PasswordHasher
from django.contrib.auth.hashers import get_hasher, make_password
from django.core import mail
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.accounts.services import make_sign_in_link
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.owners import MailboxBackend
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.secrets.passwords import AT_ONCE, hashing
from tests.kit.passkeys import Key
from tests.kit.signing_in import PASSWORD, signed_in_as, type_password, with_password

pytestmark = pytest.mark.django_db
LIMIT = 5
QUICK_ARGON = "{ARGON2ID}" + PasswordHasher(1, 8, 1).hash("something")
HERE, ELSEWHERE = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture
def person(operator):
    return with_password(operator)


def guess(email, times=LIMIT, **where):
    for _ in range(times):
        answer = type_password(Client(), email, "wrong", **where)
    return answer


def said(answer, *typed):
    """The status and the words of a page, without what was typed and what is random."""
    text = re.sub(r'value="[^"]*"', "", answer.content.decode())
    for word in typed:
        text = text.replace(word, "")
    return answer.status_code, text


# lockout


def test_who_guessed_five_times_is_locked_out_even_with_the_right_password(person):
    guess(person.email, **HERE)
    browser = Client()
    assert "Too many failed" in type_password(browser, person.email, **HERE).content.decode()
    assert signed_in_as(browser) is None


def test_a_stranger_elsewhere_locks_nobody_out(person):
    guess(person.email, **ELSEWHERE)
    browser = Client()
    type_password(browser, person.email, **HERE)
    assert signed_in_as(browser) == person.email


def test_other_letters_of_the_same_address_are_the_same_account(person):
    for address in ("Operator@example.org", "OPERATOR@EXAMPLE.ORG") * 3:
        guess(address, 1, **HERE)
    assert "Too many failed" in type_password(Client(), person.email, **HERE).content.decode()


def test_one_client_may_not_try_many_accounts(db):
    answers = [guess(f"user{n}@example.org", 1, **HERE) for n in range(11)]
    assert ["Too many failed" in answer.content.decode() for answer in answers] == [
        *[False] * 10,
        True,
    ]


def test_who_sends_very_many_gets_a_page_that_says_so(db):
    answers = [type_password(Client(), "", **HERE) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [*[200] * 30, 429]
    assert "tried too often" in answers[-1].content.decode()


def test_neighbours_within_one_ipv6_network_are_one_client(person):
    for n in range(LIMIT):
        guess(person.email, 1, REMOTE_ADDR=f"2001:db8::{n + 1:x}")
    answer = type_password(Client(), person.email, REMOTE_ADDR="2001:db8::ffff")
    assert "Too many failed" in answer.content.decode()


def test_a_forged_header_gives_no_further_tries(person):
    for n in range(LIMIT):
        forged = {"X-Forwarded-For": f"203.0.113.{n}", "X-Real-IP": f"203.0.113.{n}"}
        type_password(Client(), person.email, "wrong", headers=forged, **HERE)
    answer = type_password(
        Client(), person.email, headers={"X-Forwarded-For": "203.0.113.99"}, **HERE
    )
    assert "Too many failed" in answer.content.decode()


def test_the_counts_outlive_a_flood_of_other_names(person):
    guess(person.email, **HERE)
    for n in range(400):  # Django's own cache would keep 300
        cache.set(f"allauth:rl:flood:{n:04}", [1.0], 300)
    assert "Too many failed" in type_password(Client(), person.email, **HERE).content.decode()


def test_a_passkey_and_the_printed_link_work_for_who_is_locked_out(person):
    guess(person.email, 12, **HERE)
    key, browser = Key(), Client(REMOTE_ADDR=HERE["REMOTE_ADDR"])
    key.belongs_to(person)
    page = browser.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})
    challenge = page.json()["request_options"]["publicKey"]["challenge"]
    sent = {"credential": json.dumps(key.sign(challenge, person))}
    browser.post(reverse("mfa_login_webauthn"), sent)
    assert signed_in_as(browser) == person.email
    other = Client(REMOTE_ADDR=HERE["REMOTE_ADDR"])
    token = make_sign_in_link(person).partition("token=")[2]
    other.post(reverse("accounts:sign_in_by_link"), {"token": token})
    assert signed_in_as(other) == person.email


@pytest.mark.django_db(transaction=True)
def test_of_many_at_the_same_moment_no_more_than_the_limit_get_through(operator):
    email, together = with_password(operator).email, Barrier(8, timeout=30)

    def try_twice(_):
        try:
            together.wait()
            answers = [type_password(Client(), email, "wrong", **HERE) for _ in range(2)]
        finally:
            connections.close_all()
        return sum("do not go together" in answer.content.decode() for answer in answers)

    with ThreadPoolExecutor(8) as pool:
        through = sum(pool.map(try_twice, range(8)))
    assert 1 <= through <= LIMIT
    assert Change.objects.filter(verb="refused").count() == through


# who exists


@pytest.fixture
def nobodies(person):
    """Addresses that cannot sign in with PASSWORD, each for another reason."""
    off = User.objects.create(email="off@example.org", is_active=False)
    without = User(email="new@example.org")
    without.set_unusable_password()
    without.save()
    changed = User(email="other@example.org")
    changed.set_password("something else entirely")
    changed.save()
    return [with_password(off).email, without.email, changed.email, "nobody@example.org"]


def test_wrong_unknown_and_switched_off_look_the_same(nobodies):
    answers = {said(type_password(Client(), email), email) for email in nobodies}
    [(status, text)] = answers
    assert status == 200
    assert "do not go together" in text


def test_locked_looks_the_same_for_known_and_unknown(nobodies):
    answers = set()
    for email in nobodies:
        cache.clear()
        guess(email, **HERE)
        answers.add(said(type_password(Client(), email, **HERE), email))
    [(_status, text)] = answers
    assert "Too many failed" in text


def test_one_hash_is_computed_whoever_is_asked_for(nobodies, monkeypatch):
    hasher, counted = type(get_hasher()), []

    def counting(method):
        def counted_method(*args, **kwargs):
            counted.append(method)
            return method(*args, **kwargs)

        return counted_method

    for name in ("encode", "verify"):
        monkeypatch.setattr(hasher, name, counting(getattr(hasher, name)))
    for email in nobodies:
        counted.clear()
        type_password(Client(), email)
        assert (email, len(counted)) == (email, 1)


def test_mail_for_a_reset_is_limited_alike_for_known_and_unknown(colleague):
    reset = reverse("account_reset_password")
    for email in (colleague.email, "nobody@example.org"):
        cache.clear()
        answers = [Client().post(reset, {"email": email}).status_code for _ in range(6)]
        assert answers == [302, 302, 302, 302, 302, 429]


def test_strangers_cannot_keep_a_reset_from_whom_it_belongs_to(colleague):
    reset = reverse("account_reset_password")
    for n in range(30):
        stranger = Client(REMOTE_ADDR=f"198.51.100.{n}")
        assert stranger.post(reset, {"email": colleague.email}).status_code == 302
    answer = Client().post(reset, {"email": colleague.email})
    assert answer["Location"] == reverse("account_reset_password_done")
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(5)
    assert len(mail.outbox) == 5  # each of which works
    [first, *_] = mail.outbox
    (path,) = re.findall(r"http://[^/]*(/password/reset/\S+)", str(first.body))
    assert "used or too old" not in Client().get(path, follow=True).content.decode()


def test_one_whole_hash_is_computed_whatever_was_imported(domain, monkeypatch):
    """And is waited for: what is counted has ended."""
    quick = {"md5": "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "argon": QUICK_ARGON}
    for local, stored in quick.items():
        add_mailbox(SYSTEM, domain, LocalPart(local), stored=stored)
    ended, verify = [], PasswordHasher.verify

    def counting(hasher, stored, text):
        try:
            return verify(hasher, stored, text)
        finally:
            ended.append("$m=19456,t=2,p=1$" in stored)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    for local in (*quick, "nobody"):
        ended.clear()
        login = {"email": f"{local}@pandle.net", "password": "wrong"}
        assert MailboxBackend().authenticate(None, **login) is None
        assert (local, ended.count(True)) == (local, 1)


# the session


def test_signing_in_gives_the_session_another_key(person, anonymous):
    anonymous.get(reverse("account_login"))
    session = anonymous.session
    session["planted"] = True
    session.save()
    before = session.session_key
    type_password(anonymous, person.email)
    assert signed_in_as(anonymous) == person.email
    assert anonymous.session.session_key != before


def test_the_right_password_works_at_the_first_try_after_a_wrong_one(person, anonymous):
    guess(person.email, LIMIT - 1)
    type_password(anonymous, person.email, PASSWORD)
    assert signed_in_as(anonymous) == person.email


def test_passwords_of_people_cost_what_those_of_mailboxes_do_and_wait_for_each_other(person):
    assert person.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    for work in (make_password, person.check_password):
        with ExitStack() as others:
            for _ in range(AT_ONCE):
                others.enter_context(hashing)
            third = threading.Thread(target=work, args=["wrong"])
            third.start()
            third.join(0.3)
            assert third.is_alive()
        third.join(10)
