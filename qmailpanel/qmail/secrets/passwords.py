"""Mailbox passwords: argon2id in the form Dovecot reads, and imported ones as they came."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from functools import cache
from threading import BoundedSemaphore, Thread

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from qmailpanel.qmail.names import InvalidName, gettext_noop
from qmailpanel.qmail.secrets.imported import ARGON2ID, verify_crypt

BYTES = 255  # checkpassword has 512 for login, password and timestamp
STRONG = 3  # of 0..4: zxcvbn's "safely unguessable"
LOOKED_AT = 72  # zxcvbn refuses more
SIGNS = 8  # kinds of signs that may stand for letters, as 4 for a; with all 20 it takes seconds
NOTHING = gettext_noop("Enter a password.")

COSTS = TIME, KIBIBYTES, LANES = 2, 19456, 1

AT_ONCE = min(max((os.cpu_count() or 1) - 1, 1), 4)  # a processor is left for the pages
hashing = BoundedSemaphore(AT_ONCE)
_HASHER = PasswordHasher(time_cost=TIME, memory_cost=KIBIBYTES, parallelism=LANES)


def hash_password(text: str) -> str:
    """What is stored of a password. Raises InvalidName for one no mail program could send."""
    _check(text)
    with hashing:
        return ARGON2ID + _HASHER.hash(composed(text))


def verify_password(text: str, stored: str) -> bool:
    """Whether the password is the stored one; False too for a hash that nobody knows.

    Who imported a hash may have made it of either spelling.
    """
    return any(_verify(each, stored) for each in dict.fromkeys([composed(text), text]))


def composed(text: str) -> str:
    """One spelling of what looks the same: ü is one character or two. See RFC 8265, 4.2.1."""
    return unicodedata.normalize("NFC", text)


def _verify(text: str, stored: str) -> bool:
    if not stored.startswith(ARGON2ID):
        return verify_crypt(text, stored)
    try:
        with hashing:
            return _HASHER.verify(stored.removeprefix(ARGON2ID), text)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def verify_evenly(text: str, stored: str) -> bool:
    """The same, in no less time than a hash of ours takes, whatever is stored; blank: nobody's."""
    if _is_ours(stored):
        return verify_password(text, stored)
    beside = Thread(target=verify_password, args=[text, _nobodys()])
    beside.start()
    is_right = verify_password(text, stored)
    beside.join()
    return is_right


def _is_ours(stored: str) -> bool:
    try:
        return not _HASHER.check_needs_rehash(stored.removeprefix(ARGON2ID))
    except InvalidHashError:
        return False


@cache
def _nobodys() -> str:
    """What is compared where there is nothing to compare with."""
    return hash_password("nobody's")


def weakness(text: str, words: Iterable[str] = ()) -> str | None:
    """Why a password is easy to guess, or None. `words`: what everybody knows about its owner."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - 15 MB, and few requests set a password

    if not text:  # zxcvbn breaks on it
        return NOTHING
    estimate = zxcvbn(_bounded(text), user_inputs=list(words))
    if estimate["score"] >= STRONG:
        return None
    return str(estimate["feedback"]["warning"]) or gettext_noop("This password is easy to guess.")


def _bounded(text: str) -> str:
    """What zxcvbn looks at: it tries all letters that such signs may stand for, in all words.

    The kinds of them beyond the first few are one, which makes a password look easier, never
    harder.
    """
    from zxcvbn.matching import L33T_TABLE  # noqa: PLC0415 - as above

    signs = {sign for signs in L33T_TABLE.values() for sign in signs}
    kinds = list(dict.fromkeys(char for char in text if char in signs))
    return text[:LOOKED_AT].translate({ord(sign): kinds[0] for sign in kinds[SIGNS:]})


def _check(text: str) -> None:
    if not text:
        raise InvalidName(NOTHING)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise InvalidName(gettext_noop("A password has no line breaks or control characters."))
    if len(text.encode()) > BYTES:
        raise InvalidName(gettext_noop("At most %(most)d bytes are possible."), most=BYTES)
