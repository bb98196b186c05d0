"""The floor: what one change costs when nothing but the physically necessary is done."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cdbx

from qmailpanel.qmail.formats.maildir import MaildirSize

MAIL_USER = (110, 31)
VIRTUAL, MORE = "control/virtualdomains", "control/morercpthosts"
NEW_LINES = "=100-floor{n}:popuser:110:31:/var/qmail/mailnames/d00000.example.org/floor{n}:::\n"


class Bare(NamedTuple):
    """Seconds for a home, for a line with its map, and for a file written anew."""

    tree: float
    map: float
    file: float

    @property
    def change(self) -> float:
        """For one mailbox: its tree, its line, the map."""
        return self.tree + self.map


class Floor:
    """Its own shared files, maps and homes, in a directory of the panel's qmail home."""

    def __init__(self, home: Path) -> None:
        self.home, self.place = home, home / "floor"
        for directory in ("users", "control"):
            (self.place / directory).mkdir(parents=True)
        self.is_qmail = (home / "bin/qmail-newu").exists()
        self.compiler = "qmail-newu" if self.is_qmail else "cdbx in a bare loop"
        self.made = 0

    def follow(self) -> None:
        """The same shared files as the panel's."""
        for name in ("users/assign", VIRTUAL, MORE):
            if (self.home / name).exists():
                shutil.copy(self.home / name, self.place / name)

    def measure(self) -> Bare:
        name = f"floor{self.made}"
        self.made += 1
        start = time.perf_counter()
        make_tree(self.place / name, fsync=True)
        tree = time.perf_counter() - start
        start = time.perf_counter()
        replace_file(self.place / name / ".qmail", b"./Maildir/\n")
        file = time.perf_counter() - start
        return Bare(tree, self._point_to([name]), file)

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

    def add_domain(self) -> float:
        """Seconds for a domain beyond rcpthosts: a directory, and a line in each of three files."""
        name = f"floor{self.made}"
        self.made += 1
        start = time.perf_counter()
        make_directory(self.place / name)
        seconds = time.perf_counter() - start + self._point_to([name])
        with self._in_place("control"):
            start = time.perf_counter()
            splice(self.home / VIRTUAL, f"{name}.test:100\n".encode())
            splice(self.home / MORE, f"{name}.test\n".encode())
            self._compile("qmail-newmrh", partial(compile_list, self.home / MORE))
            return seconds + time.perf_counter() - start

    def _point_to(self, names: list[str]) -> float:
        lines = "".join(NEW_LINES.format(n=name.removeprefix("floor")) for name in names)
        with self._in_place("users"):
            start = time.perf_counter()
            splice(self.home / "users/assign", lines.encode())
            self._compile("qmail-newu", partial(compile_assign, self.home / "users"))
            return time.perf_counter() - start

    def _compile(self, program: str, bare_loop: Callable[[], None]) -> None:
        if self.is_qmail:
            subprocess.run([self.home / "bin" / program], check=True, env={})
        else:
            bare_loop()

    @contextmanager
    def _in_place(self, directory: str) -> Iterator[None]:
        """Programs of qmail have their home compiled in: swap ours in while they run."""
        live, ours = self.home / directory, self.place / directory
        aside = live.with_suffix(".panel")
        live.rename(aside)
        ours.rename(live)
        try:
            yield
        finally:
            live.rename(ours)
            aside.rename(live)


def splice(path: Path, lines: bytes) -> None:
    """Read, write, fsync, rename, fsync the directory."""
    content = path.read_bytes()
    at = content.find(b"\n=101-") + 1
    temporary = path.with_name(f"{path.name}.new")
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


def compile_list(path: Path) -> None:
    """The map of a list of hosts, and nothing checked."""
    map_, temporary = path.with_suffix(".cdb"), path.with_suffix(".tmp")
    with path.open("rb") as lines, temporary.open("w+b") as file:
        maker = cdbx.CDB.make(file)
        for line in lines:
            maker.add(line.rstrip().lower(), b"")
        maker.commit().close()
    temporary.rename(map_)
    _fsync(path.parent)


def make_directory(path: Path) -> None:
    """The directory of a domain, with what happens to unknown recipients."""
    path.mkdir(mode=0o700)
    _own(str(path))
    _write(f"{path}/.qmail-default", b"|bouncesaying 'No such mailbox here.'\n", fsync=True)
    _fsync(path)
    _fsync(path.parent)


def make_tree(path: Path, *, fsync: bool) -> None:
    """One home as qmail-local wants it, under a temporary name first where it must be durable."""
    place = path.with_name(f"{path.name}.new") if fsync else path
    directories = [str(place), *(f"{place}/Maildir{part}" for part in ("", "/cur", "/new", "/tmp"))]
    for directory in directories:
        os.mkdir(directory, 0o700)
        _own(directory)
    size = MaildirSize().render()
    for name, content in ((".qmail", b"./Maildir/\n"), ("Maildir/maildirsize", size)):
        _write(f"{place}/{name}", content, fsync=fsync)
    if fsync:
        _fsync(Path(directories[1]))
        _fsync(place)
        place.rename(path)
        _fsync(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Written beside it, durable, renamed."""
    temporary = path.with_name(f"{path.name}.new")
    _write(str(temporary), content, fsync=True)
    temporary.rename(path)
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
