"""The SQLite file of sync's memory: opened, read and written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.host.old_memory import read_old
from qmailpanel.qmail.plan.rounds import Rows

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    name TEXT, local BLOB, round INTEGER, value TEXT NOT NULL, PRIMARY KEY (name, local, round)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kept_frames ON kept (name) WHERE local = x'';
CREATE INDEX IF NOT EXISTS kept_unfinished ON kept (name, round) WHERE round > 0;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prepend (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
"""
KEEP = "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)"
_COPY = (
    ("SELECT * FROM kept", KEEP),
    ("SELECT * FROM fact", "INSERT INTO fact VALUES (?, ?)"),
    ("SELECT * FROM prepend", "INSERT INTO prepend VALUES (?, ?)"),
)

Write = tuple[str, Sequence[tuple[object, ...]]]


class MemoryFile:
    """Without a directory it is in no file, and gone when it is closed."""

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/applied.sqlite3" if directory else ":memory:"
        try:
            if directory:
                os.makedirs(directory, mode=0o700, exist_ok=True)
            # used by one thread, but closed by whichever happens to collect it
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self.close = weakref.finalize(self, self._db.close)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._level = ""
            self._sync("FULL")
            self._db.executescript(_SCHEMA)
            self._take_over_old()
        except (OSError, sqlite3.Error) as error:
            raise HostError(
                "The memory of what was applied cannot be opened.", f"{self.path}: {error}"
            ) from error

    @property
    def version(self) -> int:
        """Another one after another process wrote it."""
        ((version,),) = self._read("PRAGMA data_version")
        return int(version)

    def copy_to(self, other: MemoryFile) -> None:
        """Have a new one know all this."""
        with other.together():
            for read, write in _COPY:
                other._db.executemany(write, self._read(read))

    def _take_over_old(self) -> None:
        """What an earlier version kept: all of it, and then its table is gone, or none."""
        if not list(self._read("SELECT 1 FROM sqlite_schema WHERE name = 'section'")):
            return
        with self.together():
            old = self._read("SELECT name, sections FROM section")
            self._db.executemany(KEEP, to_values(read_old(old)))
            self._db.execute("DROP TABLE section")

    def _read(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise HostError(
                "The memory of what was applied cannot be read.", f"{self.path}: {error}"
            ) from error

    def _write(self, *writes: Write, level: str = "FULL") -> None:
        """All in one transaction; where there are no rows to write, in none. See `together`."""
        if any(rows for _, rows in writes):
            with self.together(level):
                for statement, rows in writes:
                    self._db.executemany(statement, rows)

    @contextlib.contextmanager
    def together(self, level: str = "FULL") -> Iterator[None]:
        """What is written within the block comes to disk at its end, or none of it does.

        With the `level` NORMAL it comes there with what is written next, or not at all when the
        power goes before.
        """
        if self._db.in_transaction:
            yield
            return
        try:
            self._sync(level)
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise HostError(
                "The memory of what was applied cannot be written.", f"{self.path}: {error}"
            ) from error

    def _sync(self, level: str) -> None:
        if level != self._level:
            self._db.execute(f"PRAGMA synchronous={level}")
            self._level = level


def to_values(named: Iterable[tuple[str, Rows]]) -> Iterator[tuple[object, ...]]:
    """What KEEP takes, in the order of the file. `named`: rows by domain."""
    for name, rows in named:
        for local, number in sorted(rows):
            yield name, to_key(local), number, rows[local, number]


def to_key(local: str) -> bytes:
    """A name in the file system may be no text."""
    return local.encode("utf-8", "surrogatepass")


def from_key(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
