"""The host of a drill, and what a drill knows of it that neither the panel nor the host says."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from qmailpanel.ledger.actors import Refused
from qmailpanel.qmail.formats.shared_files import Shared
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
    `unsettled`: it failed, or the panel does not know it. `had`: who got mail of a local part of a
    tenant last, over whatever name. `served`: whose each name is. `change`: the newest of the
    ledger, and its digest.
    """

    messages: dict[str, int] = field(default_factory=dict)
    live: dict[str, Numbers] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    had: dict[str, Numbers] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)
    change: tuple[int, str] = (0, "")

    def copy(self) -> Known:
        return replace(
            self,
            messages=dict(self.messages),
            live=dict(self.live),
            unsettled=set(self.unsettled),
            had=dict(self.had),
            served=dict(self.served),
        )


@dataclass
class World:
    """`purged`: the mailboxes whose mail somebody said shall be destroyed, in any database.

    `is_read`: sync has read the host since something was put back; `is_known`: or did so before,
    by this database. `is_asking`: it had a question then. `said_yes`: the operator, since sync did
    something last. `numbers`: those of domains that were live, as sync's memory knows.
    """

    panel: Panel
    known: Known = field(default_factory=Known)
    purged: set[int] = field(default_factory=set)
    is_read: bool = False
    is_known: bool = False
    is_asking: bool = False
    said_yes: bool = False
    numbers: set[int] = field(default_factory=set)
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.known.live = dict.fromkeys(ADDRESSES, frozenset())

    def mails(self) -> Iterator[Path]:
        return self.panel.below("").rglob("*.mail")

    def prepends(self) -> set[int]:
        """Those that the host has."""
        lines = self.panel.lines(Shared.VIRTUAL)
        return {int(line.partition(":")[2].partition("-")[0]) for line in lines}

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
