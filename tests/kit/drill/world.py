"""The host of a drill, and what a drill knows of it that neither the panel nor the host says."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from qmailpanel.ledger.actors import Refused
from tests.kit.deliveries import find_ends
from tests.kit.panels import Panel

NAMES = ("a.test", "b.test", "sub.a.test", "c.test")
LOCALS = ("ann", "bob")
ADDRESSES = [f"{local}@{name}" for name in NAMES for local in (*LOCALS, "nobody")]
ARCHIVE = ".archive"

Numbers = frozenset[int]  # of mailboxes, by their homes: no two have the same, in no database
Row = TypeVar("Row")


@dataclass
class Known:
    """What was true when the host was as the database wanted it last.

    `messages`: whose each is. `live`: who gets mail of an address, or may where that is
    `unsettled`: it failed, or the panel does not know it. `served`: whose each name is.
    """

    messages: dict[str, int] = field(default_factory=dict)
    live: dict[str, Numbers] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    served: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Known:
        parts = (dict(self.messages), dict(self.live), set(self.unsettled), dict(self.served))
        return Known(*parts)


@dataclass
class World:
    """`purged`: the mailboxes whose mail somebody said shall be destroyed, in any database.

    `forgot`: sync's memory is of another moment than the host.
    """

    panel: Panel
    known: Known = field(default_factory=Known)
    purged: set[int] = field(default_factory=set)
    forgot: bool = False
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.known.live = dict.fromkeys(ADDRESSES, frozenset())

    def mails(self) -> Iterator[Path]:
        return self.panel.below("").rglob("*.mail")

    def whose(self, home: Path) -> int:
        """Whose mail is in it; 0: there is none."""
        mails = (home / "Maildir/new").glob("*.mail")
        return next((self.known.messages.get(mail.name, 0) for mail in mails), 0)

    def ends(self, address: str) -> set[Path]:
        return {home for _last, home in find_ends(self.panel.home, address)}


def pick(rows: Iterable[Row], number: int) -> Row:
    some = list(rows)
    if not some:
        raise Refused("nothing there")
    return some[number % len(some)]
