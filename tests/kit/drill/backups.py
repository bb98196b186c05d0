"""The backups of a drill: what is kept of each moment, and what is put back of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from tests.kit.drill.world import Known, World
from tests.kit.restored import keep_database, keep_memory, put_back, put_memory_back


@dataclass(frozen=True)
class Moment:
    """All that can be put back, each alone or with others."""

    database: Connection
    memory: Connection
    host: Path
    known: Known
    numbers: frozenset[int]


@dataclass(frozen=True)
class Restore:
    """What is put back of an earlier moment; nothing: it stays as it is now."""

    database: str = ""
    memory: str = ""
    host: bool = False


RESTORES = (
    Restore(database="earlier"),
    Restore(database="new"),
    Restore(memory="earlier"),
    Restore(memory="none"),
    Restore(database="earlier", memory="earlier"),
    Restore(database="earlier", memory="other"),
    Restore(database="earlier", memory="none"),
    Restore(database="new", memory="earlier"),
    Restore(database="new", memory="none"),
    Restore(database="earlier", memory="earlier", host=True),
)


class Backups:
    def __init__(self, world: World, directory: Path) -> None:
        """The database is that of a new panel."""
        self.world, self.directory = world, directory
        shutil.rmtree(directory, ignore_errors=True)
        self.new = keep_database()
        self.moments: list[Moment] = []

    def keep(self) -> None:
        host = self.directory / str(len(self.moments))
        shutil.copytree(self.world.panel.home, host, symlinks=True)
        known, numbers = self.world.known.copy(), frozenset(self.world.numbers)
        self.moments.append(Moment(keep_database(), keep_memory(), host, known, numbers))

    def put_back(self, number: int) -> None:
        """Of one or two earlier moments, what `RESTORES` says."""
        self.world.is_read = False
        restore = RESTORES[number % len(RESTORES)]
        earlier = self.moments[number // 16 % len(self.moments)]
        other = self.moments[number // 256 % len(self.moments)]
        if restore.host:
            shutil.rmtree(self.world.panel.home)
            shutil.copytree(earlier.host, self.world.panel.home, symlinks=True)
            self.world.known = earlier.known.copy()
        if restore.database:
            self.world.is_known = restore.database == "earlier"
            self.world.is_asking = self.world.said_yes = False
            put_back(self.new if restore.database == "new" else earlier.database)
        if restore.memory:
            self._put_memory_back({"earlier": earlier, "other": other}.get(restore.memory))

    def _put_memory_back(self, moment: Moment | None) -> None:
        put_memory_back(moment.memory if moment else None)
        self.world.numbers = set(moment.numbers if moment else ())
