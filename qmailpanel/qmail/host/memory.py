"""What sync last applied, section by section, in a directory only it can write."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.plan.questions import LedgerEnd
from qmailpanel.qmail.plan.renamed import move_path, move_section
from qmailpanel.qmail.plan.state import Section, is_left_path, left_range
from qmailpanel.qmail.plan.steps import Move

_SCHEMA = """
CREATE TABLE IF NOT EXISTS section (name TEXT PRIMARY KEY, sections TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prepend (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
"""
_COPY = (
    ("SELECT * FROM section", "INSERT INTO section VALUES (?, ?)"),
    ("SELECT * FROM fact", "INSERT INTO fact VALUES (?, ?)"),
    ("SELECT * FROM prepend", "INSERT INTO prepend VALUES (?, ?)"),
)


class Memory:
    """The sections last applied, by domain name; more than one while a run is not finished.

    Also: who had each prepend last, the foreign assignments as last seen, whether a HUP is owed,
    and through which change of which ledger the host was made. Without a directory it is in no
    file, and gone when it is closed.
    """

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/applied.sqlite3" if directory else ":memory:"
        try:
            if directory:
                os.makedirs(directory, mode=0o700, exist_ok=True)
            # used by one thread, but closed by whichever happens to collect it
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self.close = weakref.finalize(self, self._db.close)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise HostError(
                "The memory of what was applied cannot be opened.", f"{self.path}: {error}"
            ) from error

    def copy_to(self, other: Memory) -> None:
        """Have a new one know all this."""
        for read, write in _COPY:
            other._write(write, list(self._read(read)))

    def names(self) -> list[str]:
        """The domains that have something on the host."""
        return [name for (name,) in self._read("SELECT name FROM section")]

    def left_names(self) -> set[str]:
        """What is left there of domains."""
        begin, end = left_range()
        rows = self._read("SELECT name FROM section WHERE name >= ? AND name < ?", begin, end)
        return {name for (name,) in rows}

    def sections(self, names: Iterable[str]) -> dict[str, tuple[Section, ...]]:
        """What was last applied for these domains."""
        return {name: self._sections(name) for name in names}

    def all_sections(self) -> Iterator[tuple[str, tuple[Section, ...]]]:
        for name, text in self._read("SELECT name, sections FROM section"):
            yield name, _decode(text)

    def intend(self, sections: Mapping[str, Section]) -> None:
        """Note, before anything is written, what will be: a killed run finds its own lines."""
        rows, prepends = [], []
        for name, section in sections.items():
            known = self._texts(name)
            text = section.encode().decode()
            if text not in known:
                rows.append((name, json.dumps([*known, text])))
            if any(section.lines.values()) and not is_left_path(name):
                prepends.append((section.prepend, name))
        self._write("INSERT OR REPLACE INTO section VALUES (?, ?)", rows)
        self._note_prepends(prepends)

    def _note_prepends(self, prepends: Sequence[tuple[int, str]]) -> None:
        news = [(number, name) for number, name in prepends if self.owner_of(number) != name]
        self._write("INSERT OR REPLACE INTO prepend VALUES (?, ?)", news)

    def relearn(self, former: Iterable[str], sections: Mapping[str, Sequence[Section]]) -> None:
        """Know these alone of these domains, and nothing of the `former` names, in one step."""
        texts = {
            name: list(dict.fromkeys(section.encode().decode() for section in those))
            for name, those in sections.items()
        }
        rows = [(name, json.dumps(those)) for name, those in texts.items()]
        prepends = [(those[-1].prepend, name) for name, those in sections.items()]
        with self._transaction():
            gone = [(name,) for name in former]
            self._db.executemany("DELETE FROM section WHERE name = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO section VALUES (?, ?)", rows)
            self._db.executemany("INSERT OR REPLACE INTO prepend VALUES (?, ?)", prepends)

    def owner_of(self, prepend: int) -> str | None:
        """The domain that had the number last, on the host or not any more."""
        row = next(self._read("SELECT name FROM prepend WHERE number = ?", prepend), None)
        return row[0] if row else None

    @property
    def highest_prepend(self) -> int:
        """Of all that were ever applied."""
        (highest,) = next(self._read("SELECT COALESCE(MAX(number), 0) FROM prepend"))
        return int(highest)

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
        text = json.dumps([name, owner, move.path, move.to]).encode()
        self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [("moving", text)])

    def drop_move(self) -> None:
        """It was not made."""
        self._write("DELETE FROM fact WHERE name = ?", [("moving",)])

    def move(self, name: str, owner: str, move: Move) -> None:
        """Note a move: what was applied for `name` is at its new place, and `owner`'s.

        Of another domain that had the owner's name only lines can be left, or nothing could move.
        """
        before = () if name == owner else self._sections(owner)
        others = [replace(section, files={}, homes={}) for section in before]
        sections = [*others, *(move_section(section, move) for section in self._sections(name))]
        moved = [section.encode().decode() for section in sections]
        prepends = [(section.prepend, owner) for section in self._sections(name)]
        links = [(move_path(path, move), move_path(at, move)) for path, at in self.links]
        links = [link for link in links if link[0] != link[1]] + [(move.path, move.to)]
        with self._transaction():
            self._db.execute("DELETE FROM section WHERE name = ?", (name,))
            self._db.execute(
                "INSERT OR REPLACE INTO section VALUES (?, ?)", (owner, json.dumps(moved))
            )
            self._db.executemany("INSERT OR REPLACE INTO prepend VALUES (?, ?)", prepends)
            self._db.execute("DELETE FROM fact WHERE name = 'moving'")
            self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", _fact_of_links(links))

    @property
    def links(self) -> list[tuple[str, str]]:
        """The links that moves left: the old path and the new one."""
        return [(path, to) for path, to in json.loads(self._fact("links") or b"[]")]

    @links.setter
    def links(self, links: Sequence[tuple[str, str]]) -> None:
        self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [_fact_of_links(links)])

    def finish(self, sections: Mapping[str, Section]) -> None:
        """Note what was applied, now that it is."""
        gone = [(name,) for name, section in sections.items() if not _has_anything(section)]
        rows = [
            (name, json.dumps([section.encode().decode()]))
            for name, section in sections.items()
            if _has_anything(section) and self._texts(name) != [section.encode().decode()]
        ]
        self._write("INSERT OR REPLACE INTO section VALUES (?, ?)", rows)
        self._write("DELETE FROM section WHERE name = ?", gone)

    @property
    def hup_owed(self) -> bool:
        return self._fact("hup owed") is not None

    @hup_owed.setter
    def hup_owed(self, owed: bool) -> None:
        if owed:
            self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [("hup owed", b"")])
        elif self.hup_owed:
            self._write("DELETE FROM fact WHERE name = ?", [("hup owed",)])

    @property
    def foreign(self) -> bytes:
        """The foreign assignments as last seen."""
        return self._fact("foreign") or b""

    @foreign.setter
    def foreign(self, lines: bytes) -> None:
        if lines != self.foreign:
            self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [("foreign", lines)])

    @property
    def file_systems(self) -> set[str]:
        """Where those on which homes are were mounted when they were last seen."""
        return set(json.loads(self._fact("file systems") or b"[]"))

    @file_systems.setter
    def file_systems(self, paths: Set[str]) -> None:
        if paths != self.file_systems:
            fact = "file systems", json.dumps(sorted(paths)).encode()
            self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [fact])

    @property
    def ledger(self) -> LedgerEnd | None:
        """The newest change that the host was made from."""
        text = self._fact("ledger")
        return LedgerEnd(*json.loads(text)) if text else None

    @ledger.setter
    def ledger(self, end: LedgerEnd | None) -> None:
        if end is None:
            self._write("DELETE FROM fact WHERE name = ?", [("ledger",)])
        elif end != self.ledger:
            fact = "ledger", json.dumps(end).encode()
            self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [fact])

    def _fact(self, name: str) -> bytes | None:
        row = next(self._read("SELECT value FROM fact WHERE name = ?", name), None)
        return row[0] if row else None

    def _texts(self, name: str) -> list[str]:
        row = next(self._read("SELECT sections FROM section WHERE name = ?", name), None)
        return json.loads(row[0]) if row else []

    def _sections(self, name: str) -> tuple[Section, ...]:
        return tuple(Section.decode(text.encode()) for text in self._texts(name))

    def _read(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise HostError(
                "The memory of what was applied cannot be read.", f"{self.path}: {error}"
            ) from error

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            with self._transaction():
                self._db.executemany(statement, rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise HostError(
                "The memory of what was applied cannot be written.", f"{self.path}: {error}"
            ) from error


def _fact_of_links(links: Sequence[tuple[str, str]]) -> tuple[str, bytes]:
    return "links", json.dumps(links).encode()


def _decode(text: str) -> tuple[Section, ...]:
    return tuple(Section.decode(one.encode()) for one in json.loads(text))


def _has_anything(section: Section) -> bool:
    return bool(section.files or section.homes or section.logins or any(section.lines.values()))
