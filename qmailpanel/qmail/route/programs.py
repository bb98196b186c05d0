"""What becomes of mail that is given to a program, where that can be told without running it."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from qmailpanel.qmail.formats.commands import (
    find_maildir,
    find_programs,
    is_alone,
    name_of,
    read_words,
)
from qmailpanel.qmail.formats.dotqmail import held_with
from qmailpanel.qmail.formats.reply import is_answer, is_guard

from .ends import Fate, readable
from .reader import Account, Reader
from .stores import is_full, seen, store

OVER_QUOTA = "Mail quota exceeded."  # as deliverquota of Debian says it
_EXIT = re.compile(rb"\s*(?:exit\s+([0-9]{1,3})|true|:)\s*")
_HARD = frozenset({100, 112, 64, 65, 70, 76, 77, 78})
_REST_IGNORED = 99


class Outcome(NamedTuple):
    """`fate`: None where mail does not end there. `stops`: no line behind it is reached. `path`:
    where it is stored.
    """

    fate: Fate | None = None
    text: str = ""
    stops: bool = False
    path: bytes = b""


def find_outcome(reader: Reader, account: Account, command: bytes) -> Outcome:
    """Of a program line. See qmail-command(8)."""
    if left := _EXIT.fullmatch(command):
        return _left_with(int(left[1] or 0))
    text = held_with(command)
    if text is not None:
        return Outcome(Fate.WAITS, readable(text), stops=True)
    if is_guard(command):
        return Outcome()
    if is_answer(command):
        return Outcome(Fate.ANSWERED)
    words = read_words(command)
    if words and is_alone(command, words):
        return _find_of_one(reader, account, words)
    return Outcome(Fate.UNSURE, readable(command))


def _left_with(code: int) -> Outcome:
    if code in (0, _REST_IGNORED):
        return Outcome(stops=code == _REST_IGNORED)
    return Outcome(Fate.RETURNS if code in _HARD else Fate.WAITS, stops=True)


def _find_of_one(reader: Reader, account: Account, words: list[str]) -> Outcome:
    if name_of(words[0]) == "bouncesaying" and len(words) == 2:
        return Outcome(Fate.RETURNS, words[1], stops=True)
    missing = next(filter(None, (_why_not(reader, account, w) for w in find_programs(words))), "")
    if missing:
        return Outcome(Fate.WAITS, missing, stops=True)
    maildir = find_maildir(words)
    if maildir:
        return _deliver(reader, account, os.fsencode(maildir))
    return Outcome(Fate.UNSURE, " ".join(words))


def _why_not(reader: Reader, account: Account, program: str) -> str:
    """Why sh cannot run it; empty where it can."""
    if not (reader.delivers and program.startswith("/")):
        return ""
    found = seen(reader.look(os.fsencode(program), account))
    if found.error:
        return f"{program}: not found"
    return "" if found.is_plain and found.may_enter else f"{program}: Permission denied"


def _deliver(reader: Reader, account: Account, maildir: bytes) -> Outcome:
    """By deliverquota. See deliverquota(8)."""
    why = store(reader, account, maildir, is_maildir=True)
    if why:
        return Outcome(Fate.WAITS, why, stops=True)
    path = os.path.join(account.home, maildir)
    if is_full(reader, account, path):
        return Outcome(Fate.FULL, OVER_QUOTA, stops=True)
    return Outcome(Fate.ARRIVES, path=path)
