"""The floor: what one change costs when nothing but the physically necessary is done."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cdbx

from qmailpanel.qmail.maildir import NEW_SIZE

MAIL_USER = (110, 31)
NEW_LINES = "=100-floor{n}:popuser:110:31:/var/qmail/mailnames/d00000.example.org/floor{n}:::\n"


class Floor:
    """Its own users/assign, users/cdb and homes, in a directory of the panel's qmail home."""

    def __init__(self, home: Path) -> None:
        self.home, self.place = home, home / "floor"
        self.users = self.place / "users"
        self.users.mkdir(parents=True)
        self.newu = home / "bin/qmail-newu"
        self.compiler = "qmail-newu" if self.newu.exists() else "cdbx in a bare loop"
        self.made = 0

    def follow(self) -> None:
        """The same users/assign as the panel's."""
        shutil.copy(self.home / "users/assign", self.users / "assign")

    def change(self) -> float:
        """Seconds for one mailbox: its tree, its line, the map."""
        name = f"floor{self.made}"
        self.made += 1
        start = time.perf_counter()
        make_tree(self.place / name, fsync=True)
        seconds = time.perf_counter() - start
        return seconds + self._point_to([name])

    def add(self, number: int) -> float:
        """Seconds for many mailboxes in one go: one syncfs, one line file, one map."""
        names = [f"floor{n}" for n in range(self.made, self.made + number)]
        self.made += number
        parent = self.place / f"many{self.made}"
        parent.mkdir()
        start = time.perf_counter()
        for name in names:
            make_tree(parent / name, fsync=False)
        _syncfs(parent)
        seconds = time.perf_counter() - start
        return seconds + self._point_to(names)

    def _point_to(self, names: list[str]) -> float:
        lines = "".join(NEW_LINES.format(n=name.removeprefix("floor")) for name in names)
        with self._in_place() as users:
            start = time.perf_counter()
            splice(users / "assign", lines.encode())
            if self.compiler == "qmail-newu":
                subprocess.run([self.newu], check=True, env={})
            else:
                compile_assign(users)
            return time.perf_counter() - start

    @contextmanager
    def _in_place(self) -> Iterator[Path]:
        """Qmail-newu has its home compiled in: swap ours in while it runs."""
        if self.compiler != "qmail-newu":
            yield self.users
            return
        live, aside = self.home / "users", self.home / "users.panel"
        live.rename(aside)
        self.users.rename(live)
        try:
            yield live
        finally:
            live.rename(self.users)
            aside.rename(live)


def splice(path: Path, lines: bytes) -> None:
    """Read, write, fsync, rename, fsync the directory."""
    content = path.read_bytes()
    at = content.find(b"\n=101-") + 1
    temporary = path.with_name("assign.tmp")
    with temporary.open("wb") as file:
        file.write(content[:at])
        file.write(lines)
        file.write(content[at:])
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    _fsync(path.parent)


def compile_assign(users: Path) -> None:
    """The map from the text, and nothing checked."""
    with (users / "assign").open("rb") as lines, (users / "cdb.tmp").open("w+b") as file:
        maker = cdbx.CDB.make(file)
        for line in lines:
            if line == b".\n":
                break
            name, _, data = line.partition(b":")
            end = b"\0" if name.startswith(b"=") else b""
            maker.add(b"!" + name[1:] + end, data[:-2].replace(b":", b"\0"))
        maker.add(b"", b"-")
        maker.commit().close()
    (users / "cdb.tmp").rename(users / "cdb")
    _fsync(users)


def make_tree(path: Path, *, fsync: bool) -> None:
    """One home as qmail-local wants it, under a temporary name first where it must be durable."""
    place = path.with_name(f"{path.name}.new") if fsync else path
    directories = [str(place), *(f"{place}/Maildir{part}" for part in ("", "/cur", "/new", "/tmp"))]
    for directory in directories:
        os.mkdir(directory, 0o700)
        _own(directory)
    for name, content in ((".qmail", b"./Maildir/\n"), ("Maildir/maildirsize", NEW_SIZE)):
        _write(f"{place}/{name}", content, fsync=fsync)
    if fsync:
        _fsync(Path(directories[1]))
        _fsync(place)
        place.rename(path)
        _fsync(path.parent)


def _write(path: str, content: bytes, *, fsync: bool) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, content)
        if os.geteuid() == 0:
            os.fchown(fd, *MAIL_USER)
        if fsync:
            os.fsync(fd)
    finally:
        os.close(fd)


def _own(path: str) -> None:
    if os.geteuid() == 0:
        os.chown(path, *MAIL_USER)


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _syncfs(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            raise OSError(ctypes.get_errno(), "syncfs")
    finally:
        os.close(fd)
