"""How mail ends, and the stations it passes on its way."""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from typing import NamedTuple


class Fate(StrEnum):
    """How mail ends."""

    ARRIVES = "arrives"  # in a mailbox here
    ANSWERED = "answered"  # by a program, and kept nowhere
    GOES_ON = "goes on"  # to another mail server, or into a domain of other people
    WAITS = "waits"
    FULL = "full"  # it goes back
    NOBODY = "nobody"  # has the address: it goes back
    RETURNS = "returns"
    DISCARDED = "discarded"
    FURTHER = "further"  # than it was followed
    UNSURE = "unsure"  # a program decides, or what stands there is not what is wanted


class End(NamedTuple):
    """`address`: the last that mail comes to. `text`: what its sender is told, or why it waits."""

    address: str
    fate: Fate
    text: str = ""


class Step(StrEnum):
    """What a station means for the mail."""

    NO_DOMAIN = "no domain"
    ACCEPTED = "accepted"
    ALL_ACCEPTED = "all accepted"
    NOT_ACCEPTED = "not accepted"
    LISTED = "listed"
    NOT_LISTED = "not listed"
    HACKED = "percent hack"
    LOCAL = "local"
    VIRTUAL = "virtual"
    REMOTE = "remote"
    ASSIGNED = "assigned"
    OUTDATED = "outdated"  # the map says other than the text it is compiled from
    USER = "user"
    ALIASES = "aliases"
    HOME = "home"
    FILE = "file"
    NO_FILE = "no file"
    BY_DEFAULT = "by default"
    MAILDIR = "maildir"
    MBOX = "mbox"
    FORWARD = "forward"
    PROGRAM = "program"
    DISCARD = "discard"


class Station(NamedTuple):
    """Where it was looked, and what it means.

    `file`: a path below the qmail home, or an absolute one; empty for what stands in no file.
    `line`: its number, 0 for the file as a whole. `text`: the line, or what came of it.
    """

    step: Step
    file: str = ""
    line: int = 0
    text: str = ""


class Leg(NamedTuple):
    """The way of mail to one address: what is passed, what ends there, and where it goes from it.

    `nexts`: addresses, as they stand in the files.
    """

    address: str
    stations: tuple[Station, ...] = ()
    ends: tuple[End, ...] = ()
    nexts: tuple[str, ...] = ()


_ERRORS = {
    errno.EACCES: "access denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "file does not exist",
    errno.EIO: "input/output error",
    errno.EISDIR: "is a directory",
    errno.ENOTDIR: "not a directory",
}


def say_error(number: int) -> str:
    """As qmail says it; see error_str() in notqmail."""
    return _ERRORS.get(number, os.strerror(number).lower())


def readable(text: bytes) -> str:
    """Bytes of a file as they are shown."""
    return text.decode("utf-8", "backslashreplace")
