"""System calls of the host that fail: a seam at `os` that sees who calls.

Every call that qmailpanel.qmail.host makes, by itself or through the standard library, goes
through here while a test looks: it is noted, and one of them can be made to fail.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.memory import Memory

HOST = "qmailpanel.qmail.host."
BESIDE = "tests.kit.unsynced"  # what it looks at fails never
KIT = "files"  # one call there serves many: who asked counts
BELOW = ("mail_root", "home_maker", "maker", "moved_directories", "purge")
DEEPEST = 14  # frames that are looked at: the standard library stands between
READING = [errno.EIO, errno.EACCES, errno.ENOENT]
WRITING = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES]
NAMING = [*WRITING, errno.ENOENT]
ERRNOS = {
    "open": [*READING, errno.ENOSPC, errno.EROFS, errno.EMFILE],
    "read": [errno.EIO],
    "write": [errno.ENOSPC, errno.EIO],
    "flush": [errno.ENOSPC, errno.EIO],
    "fsync": [errno.EIO, errno.ENOSPC],
    "fdatasync": [errno.EIO, errno.ENOSPC],
    "syncfs": [errno.EIO, errno.ENOSPC, errno.EINTR],
    "mkdir": NAMING,
    "symlink": NAMING,
    "link": [*NAMING, errno.EPERM],
    "rename": NAMING,
    "exchange": [*NAMING, errno.EINTR],
    "rename_new": [*NAMING, errno.EINTR],
    "unlink": [errno.EIO, errno.EROFS, errno.EACCES],
    "rmdir": [errno.EIO, errno.EROFS, errno.EACCES],
    "fchmod": [errno.EIO, errno.EROFS, errno.EPERM],
    "fchown": [errno.EIO, errno.EROFS, errno.EPERM],
    "chown": [errno.EIO, errno.EROFS, errno.EPERM],
    "utime": [errno.EIO, errno.EROFS, errno.EPERM],
    "stat": READING,
    "lstat": READING,
    "fstat": [errno.EIO],
    "readlink": [errno.EIO, errno.EACCES],
    "listdir": READING,
    "statvfs": [errno.EIO],
    "kill": [errno.EPERM, errno.ESRCH],
    "flock": [errno.EIO],
    "lockf": [errno.EIO, errno.ENOLCK],
    "run": [errno.ENOENT, errno.EACCES, errno.ENOMEM],
    "execute": [0],  # SQLite has errors of its own
}
NAMED_IN = {
    "flock": fcntl,
    "lockf": fcntl,
    "run": subprocess,
    "exchange": libc,
    "rename_new": libc,
    "syncfs": libc,
}
ELSEWHERE = {"flush", "execute"}


@dataclass(frozen=True)
class Call:
    """A call by what it does and from where: the lines of the host that led to it."""

    name: str
    site: str

    @property
    def errnos(self) -> list[int]:
        """How it may fail. Below the mail root a name that is said to be gone must be gone."""
        is_below = not self.modules.isdisjoint(BELOW)
        return [one for one in ERRNOS[self.name] if one != errno.ENOENT or not is_below]

    @property
    def modules(self) -> set[str]:
        return {line.partition(":")[0] for line in self.site.split(" < ")}

    def __str__(self) -> str:
        return f"{self.name} from {self.site}"


@dataclass(frozen=True)
class Fault:
    """That call fails with that errno: the first time it is made, or each time."""

    call: Call
    errno: int
    lasting: bool

    def __str__(self) -> str:
        how = "lasting" if self.lasting else "once"
        return f"{errno.errorcode.get(self.errno, 'SQLite error')} {how} in {self.call}"


@dataclass
class Seam:
    """What was called since `watch()` began, and what fails."""

    calls: dict[Call, None] = field(default_factory=dict)
    fault: Fault | None = None
    hits: int = 0

    @contextmanager
    def watch(self, fault: Fault | None = None) -> Iterator[None]:
        self.calls, self.fault, self.hits = {}, fault, 0
        with pytest.MonkeyPatch.context() as patch:
            self._install(patch)
            yield

    def _install(self, patch: pytest.MonkeyPatch) -> None:
        for name in ERRNOS.keys() - ELSEWHERE:
            owner = NAMED_IN.get(name, os)
            patch.setattr(owner, name, self._guard(name, getattr(owner, name)))
        for module in (builtins, io):
            patch.setattr(module, "open", self._open(module.open))
        patch.setattr(Memory, "_db", self._database(), raising=False)

    def _guard(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            self.note(name)
            return call(*arguments, **options)

        return guarded

    def _open(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, *arguments: Any, **options: Any) -> Any:
            if not isinstance(file, int):
                self.note("open")
            found = call(file, *arguments, **options)
            return File(found, self) if _site() and found.mode in ("wb", "rb") else found

        return opened

    def _database(self) -> Any:
        """Stands for the attribute of a Memory."""
        seam = self

        class Attribute:
            def __get__(self, memory: Any, _owner: Any) -> Any:
                return Database(memory.__dict__["_db"], seam) if memory else self

            def __set__(self, memory: Any, database: Any) -> None:
                memory.__dict__["_db"] = database

        return Attribute()

    def note(self, name: str) -> None:
        """A call is about to be made. Raises what shall go wrong."""
        site = _site()
        if not site:
            return
        call = Call(name, site)
        self.calls[call] = None
        fault = self.fault
        if fault is None or fault.call != call or (self.hits and not fault.lasting):
            return
        self.hits += 1
        if name == "execute":
            raise sqlite3.OperationalError("disk I/O error")
        raise OSError(fault.errno, os.strerror(fault.errno))


def _site() -> str:
    """The lines of the host that led here, innermost first; empty where none did."""
    frame, kit, lines = sys._getframe(2), list[str](), list[str]()
    for _ in range(DEEPEST):
        if frame is None:
            break
        module = frame.f_globals.get("__name__", "")
        if module == BESIDE:
            return ""
        if module.startswith(HOST):
            name = module.removeprefix(HOST)
            (kit if name == KIT else lines).append(f"{name}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join([*kit[:1], *lines[:2]])


class File:
    """A file whose reads and writes can fail."""

    def __init__(self, file: Any, seam: Seam) -> None:
        self._file, self._seam = file, seam

    def __getattr__(self, name: str) -> Any:
        if name in ("read", "write", "flush", "writelines"):
            self._seam.note("write" if name == "writelines" else name)
        return getattr(self._file, name)

    def __enter__(self) -> File:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)


class Database:
    """The memory's SQLite file; its statements can fail."""

    def __init__(self, database: Any, seam: Seam) -> None:
        self._database, self._seam = database, seam

    def execute(self, *arguments: Any) -> Any:
        self._seam.note("execute")
        return self._database.execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        self._seam.note("execute")
        return self._database.executemany(*arguments)

    def __enter__(self) -> Any:
        return self._database.__enter__()

    def __exit__(self, *exception: Any) -> Any:
        return self._database.__exit__(*exception)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)
