"""Mailbox passwords: hashed as Dovecot reads them, refused where nobody could send them."""

import shutil
import subprocess
import time
from contextlib import ExitStack
from threading import Thread

import pytest
from argon2 import PasswordHasher
from django.contrib.auth.hashers import check_password, make_password
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.names import InvalidName
from qmailpanel.qmail.secrets.imported import parse_hash
from qmailpanel.qmail.secrets.passwords import (
    AT_ONCE,
    hash_password,
    hashing,
    verify_password,
    weakness,
)

STORED = hash_password("eleven boats")
DOVEADM = shutil.which("doveadm") or ""


def test_a_password_is_stored_in_dovecots_form_and_verified():
    stored = hash_password("Schöne Grüße: 7 %")
    assert stored.startswith("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password("Schöne Grüße: 7 %", stored)
    assert not verify_password("Schöne Grüße: 7", stored)


def test_two_hashes_of_one_password_differ():
    assert hash_password("secret") != hash_password("secret")


@pytest.mark.parametrize("stored", ["", "!", "{PLAIN}secret", "{ARGON2ID}", "{ARGON2ID}$argon2id$"])
def test_a_hash_that_is_not_ours_verifies_nothing(stored):
    assert not verify_password("secret", stored)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter a password."),
        ("a\nb", "no line breaks"),
        ("a\r", "no line breaks"),
        ("a\0b", "control characters"),
        ("\ud800", "control characters"),
        ("é" * 128, "At most 255 bytes"),
    ],
)
def test_a_password_that_cannot_be_sent_is_refused(text, says):
    with pytest.raises(InvalidName, match=says):
        hash_password(text)


COMPOSED, DECOMPOSED = "Gr\u00fc\u00dfe aus K\u00f6ln", "Gru\u0308\u00dfe aus Ko\u0308ln"


@pytest.mark.parametrize("chosen", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_what_looks_the_same_is_the_same_password(chosen, typed):
    assert verify_password(typed, hash_password(chosen))
    assert check_password(typed, make_password(chosen))
    assert not verify_password("Grusse aus Koln", hash_password(chosen))


def test_an_imported_hash_is_verified_in_the_spelling_that_it_was_made_of():
    stored = "{ARGON2ID}" + PasswordHasher(memory_cost=64, time_cost=1).hash(DECOMPOSED)
    assert verify_password(DECOMPOSED, stored)


def test_the_longest_password_is_hashed_whole():
    stored = hash_password("a" * 255)
    assert verify_password("a" * 255, stored)
    assert not verify_password("a" * 254, stored)


@pytest.mark.parametrize("text", ["password", "mypassword", "12345678", "biliards", "a", ""])
def test_a_guessable_password_is_called_weak(text):
    assert weakness(text, ["biliards", "pandle.net"])


def test_a_word_about_the_owner_is_weak_only_for_the_owner():
    assert weakness("zorvaxibel", ["zorvaxibel"])
    assert weakness("zorvaxibel-quonk-41") is None


@given(st.text(max_size=300))
def test_any_text_can_be_judged(text):
    assert (weakness(text) or "strong").isprintable()


@pytest.mark.skipif(not DOVEADM, reason="no doveadm")
@pytest.mark.parametrize("text", ["secret", "Schöne Grüße"])
def test_dovecot_accepts_our_hash_and_refuses_another_password(text):
    stored = hash_password(text)
    for typed, accepted in [(text, True), ("wrong", False)]:
        command = [DOVEADM, "pw", "-t", stored, "-p", typed]
        said = subprocess.run(command, capture_output=True, check=False)
        assert (said.returncode == 0) is accepted


# hashes of other programs

IMPORTED = {
    "SHA512-CRYPT": "$6$",
    "SHA256-CRYPT": "$5$",
    "BLF-CRYPT": "$2y$",
    "MD5-CRYPT": "$1$",
}


def made_by_doveadm(scheme: str, password: str) -> str:
    command = [DOVEADM, "pw", "-s", scheme, "-p", password]
    if scheme == "BLF-CRYPT":
        command += ["-r", "5"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("scheme", IMPORTED)
def test_a_hash_of_another_program_is_read_and_verified(scheme):
    stored = made_by_doveadm(scheme, "Schöne Grüße")
    assert parse_hash(stored) == stored
    bare = stored.partition("}")[2]
    assert bare.startswith(IMPORTED[scheme])
    assert parse_hash(bare) == parse_hash(f"{{CRYPT}}{bare}") == stored
    assert verify_password("Schöne Grüße", stored)
    assert not verify_password("Schöne Grüsse", stored)
    assert not verify_password("Schöne Grüße\0", stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "{PLAIN}secret",
        "{SHA512-CRYPT}$1$abc$defghijklmnop",
        "{NO-SUCH}$6$salt$hash",
        "$6$salt$hash:with:colons",
        "$6$salt$hash\nroot::0:0",
        "$6$rounds=9999999$salt$hashhash",
        "$2y$31$hashhashhashhashhash",
        "$argon2id$v=19$m=9999999,t=2,p=1$salt$hash",
        "$7$salt$hashhash",
        "$y$jFT$salt$hashhashhash",
        "$y$xyz$salt$hashhashhash",
    ],
)
def test_what_is_no_such_hash_is_refused(text):
    with pytest.raises(InvalidName, match="no password hash"):
        parse_hash(text)


@given(st.text())
def test_whatever_is_read_stands_in_one_field_of_one_line(text):
    try:
        stored = parse_hash(text)
    except InvalidName:
        return
    assert stored.isascii()
    assert not set(stored) & set(": \t\r\n\0")


@pytest.mark.parametrize("work", [hash_password, lambda text: verify_password(text, STORED)])
def test_while_as_many_passwords_are_hashed_as_may_be_the_next_one_waits(work):
    with ExitStack() as others:
        for _ in range(AT_ONCE):
            others.enter_context(hashing)
        third = Thread(target=work, args=["seven lanterns"])
        third.start()
        third.join(0.3)
        assert third.is_alive()
    third.join(10)
    assert not third.is_alive()


SIGNS = "4@8({[<369!|1!0$5+7%2z"  # each may stand for one or two letters


@pytest.mark.parametrize("text", [SIGNS * 4, (SIGNS[::-1] + "ab") * 3, SIGNS[:20] + "a" * 52])
def test_no_password_keeps_the_panel_busy_to_say_how_weak_it_is(text):
    weakness("once, because it reads its lists of words")
    began = time.process_time()
    weakness(text)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("text", ["tr4nqu1l+b0at5{91}", "x7$K2!p9@Q4%w8(Z1[e"])
def test_signs_for_letters_make_no_good_password_a_weak_one(text):
    assert weakness(text) is None
