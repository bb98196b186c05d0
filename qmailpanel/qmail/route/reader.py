"""What a route asks of a host; nothing else of it is read."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import Shared

ME = "control/me"


class Unsure(Exception):
    """What decides cannot be seen from here, or is more than is followed."""


class Account(NamedTuple):
    """A user of the system; `name` is what the message log calls it."""

    name: bytes
    uid: int
    gid: int
    home: bytes


class Found(NamedTuple):
    """What an account meets at a path, links followed.

    `error`: an errno where it cannot even be looked at, else 0. `may_enter`: it may go through a
    directory, or run a file. `content`: of a plain file that it may read, where that was asked for;
    None of one that is too large. `is_hidden`: whoever looks is kept from what the account may see.
    `is_linked`: a link leads there.
    """

    error: int = 0
    mode: int = 0
    may_read: bool = False
    may_write: bool = False
    may_enter: bool = False
    content: bytes | None = None
    is_hidden: bool = False
    is_linked: bool = False

    @property
    def is_plain(self) -> bool:
        return not self.error and stat.S_ISREG(self.mode)

    @property
    def is_directory(self) -> bool:
        return not self.error and stat.S_ISDIR(self.mode)


class Reader(Protocol):
    """Raises OSError for what cannot be read at all."""

    @property
    def lists(self) -> Sequence[Shared]:
        """Those of known recipients that qmail-smtpd asks."""

    @property
    def delivers(self) -> bool:
        """Whether there is a qmail at all; else its programs are taken for granted."""

    @property
    def default_delivery(self) -> bytes | None:
        """An argument of qmail-start; None where nobody knows it."""

    def read(self, name: str) -> bytes | None:
        """A file below the qmail home; None where there is none."""

    def ask(self, name: str, key: bytes) -> bytes | None:
        """The first record of a map below the qmail home.

        Raises FileNotFoundError where there is no map, and ValueError for one that is damaged.
        """

    def look(self, path: bytes, account: Account, *, read: bool = False) -> Found:
        """What the account meets there; `read`: with its content."""

    def holder(self, maildir: bytes) -> str | None:
        """Whose mailbox it is, where that can be told from the path: an address."""

    def account(self, name: bytes) -> Account | None:
        """A user of the system."""

    def owner(self, path: bytes) -> int | None:
        """Whose directory it is; None where it is not there. Raises Unsure where it is hidden."""


def entries_of(reader: Reader, name: str, *, or_me: bool = False) -> list[tuple[str, int, bytes]]:
    """The file, number and text of each entry. `or_me`: of control/me, where it is missing."""
    content = reader.read(name)
    if content is None and or_me:
        me = (reader.read(ME) or b"").partition(b"\n")[0].rstrip(b" \t")
        return [(ME, 1, me)] if me else []
    return [(name, number, entry) for number, entry in control.entries(content or b"")]


def first_line(reader: Reader, name: str) -> bytes | None:
    """The value of a control file of one line. See qmail-control(5)."""
    content = reader.read(name)
    return None if content is None else content.partition(b"\n")[0].rstrip(b" \t")
