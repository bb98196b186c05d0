"""What sync remembers beside what it applied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set

from qmailpanel.qmail.host.memory_file import MemoryFile
from qmailpanel.qmail.plan.questions import LedgerEnd
from qmailpanel.qmail.plan.steps import Move

NOTE = "INSERT OR REPLACE INTO fact VALUES (?, ?)"
FORGET = "DELETE FROM fact WHERE name = ?"


class MemoryFacts(MemoryFile):
    """The foreign assignments as last seen, whether a HUP is owed, through which change of which
    ledger the host was made, where file systems are, and what was moved.
    """

    @property
    def moving(self) -> tuple[str, str, Move] | None:
        """The move that was begun last and is not noted as done: the arguments of `move()`."""
        text = self._fact("moving")
        if text is None:
            return None
        name, owner, path, to = json.loads(text)
        return name, owner, Move(path, to)

    def begin_move(self, name: str, owner: str, move: Move) -> None:
        """Note, before it is made, what a killed run may have left half-way."""
        self._note("moving", json.dumps([name, owner, move.path, move.to]).encode())

    def drop_move(self) -> None:
        """It was not made."""
        self._forget("moving")

    @property
    def links(self) -> list[tuple[str, str]]:
        """The links that moves left: the old path and the new one."""
        return [(path, to) for path, to in json.loads(self._fact("links") or b"[]")]

    @links.setter
    def links(self, links: Sequence[tuple[str, str]]) -> None:
        if links != self.links:
            self._note(*fact_of_links(links))

    @property
    def hup_owed(self) -> bool:
        return self._fact("hup owed") is not None

    @hup_owed.setter
    def hup_owed(self, owed: bool) -> None:
        if owed:
            self._note("hup owed", b"")
        elif self.hup_owed:
            self._forget("hup owed")

    @property
    def foreign(self) -> bytes:
        """The foreign assignments as last seen."""
        return self._fact("foreign") or b""

    @foreign.setter
    def foreign(self, lines: bytes) -> None:
        if lines != self.foreign:
            self._note("foreign", lines)

    @property
    def file_systems(self) -> set[str]:
        """Where those on which homes are were mounted when they were last seen."""
        return set(json.loads(self._fact("file systems") or b"[]"))

    @file_systems.setter
    def file_systems(self, paths: Set[str]) -> None:
        if paths != self.file_systems:
            self._note("file systems", json.dumps(sorted(paths)).encode())

    @property
    def ahead(self) -> Mapping[str, Mapping[str, int]]:
        """New mailboxes that are found by files, by number of their domain. See sync/ahead.py."""
        found: dict[str, dict[str, int]] = json.loads(self._fact("ahead") or b"{}")
        return found

    @ahead.setter
    def ahead(self, found: Mapping[str, Mapping[str, int]]) -> None:
        if found != self.ahead:
            self._note("ahead", json.dumps(found).encode())

    @property
    def ledger(self) -> LedgerEnd | None:
        """The newest change that the host was made from."""
        text = self._fact("ledger")
        return LedgerEnd(*json.loads(text)) if text else None

    @ledger.setter
    def ledger(self, end: LedgerEnd | None) -> None:
        if end is None:
            self._forget("ledger")
        elif end != self.ledger:
            self._note("ledger", json.dumps(end).encode())

    def _fact(self, name: str) -> bytes | None:
        row = next(self._read("SELECT value FROM fact WHERE name = ?", name), None)
        return row[0] if row else None

    def _note(self, name: str, value: bytes) -> None:
        self._write((NOTE, [(name, value)]))

    def _forget(self, name: str) -> None:
        self._write((FORGET, [(name,)]))


def fact_of_links(links: Sequence[tuple[str, str]]) -> tuple[str, bytes]:
    return "links", json.dumps(links).encode()
