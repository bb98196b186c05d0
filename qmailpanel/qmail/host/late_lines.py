"""Shared files that were swapped out are kept for a while: a late `echo >>` may still write there.

They lie beside the live one for a second; those that got lines, for a minute. A name says how much
of the file was read, and its inode.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qmailpanel.qmail.formats import control

WRITTEN_NS = 1_000_000_000
LINES_KEPT_NS = 60_000_000_000


@dataclass(frozen=True, order=True, slots=True)
class Late:
    """A file that was swapped out: of its `length`, `size` was read."""

    swapped: int
    name: str
    size: int
    length: int
    inode: int


class LateFiles:
    """The predecessors of one shared file. `directory` is its directory, open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.prefix = f".{name}.qmailpanel-old-"

    def read(self, directory: int) -> bytes:
        """The lines appended to them that the live file lacks.

        Also those it had for a moment: an editor may have read it before, and written it after.
        """
        live = inode(directory, self.name)
        late = (late for late in sorted(self._find(directory)) if late.inode != live)
        lines = {line: None for one in late for line in _tail(directory, one)}
        if not lines:
            return b""
        there = set(control.bare_lines(read_at(directory, self.name))) if live else set()
        return b"".join(line + b"\n" for line in lines if line not in there)

    def keep(self, directory: int, name: str, size: int) -> None:
        """Give a file a second name, which outlives a swap; `size` of it was read.

        Not all file systems can; there, what comes late is lost.
        """
        kept = f"{self.prefix}{size}-{inode(directory, name)}"
        with contextlib.suppress(FileExistsError, PermissionError):
            os.link(name, kept, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)

    def drop(self, directory: int, number: int) -> None:
        """Forget a file by its inode: it is the live one, or becomes it."""
        for late in self._find(directory):
            if late.inode == number:
                os.unlink(late.name, dir_fd=directory)

    def keep_lines(self, directory: int, lines: Iterable[bytes]) -> None:
        """Lines that the live file may come to lack."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(f"{self.prefix}0-{time.time_ns()}", flags, 0o600, dir_fd=directory)
        with open(fd, "wb") as file:
            file.writelines(line + b"\n" for line in lines)
            os.fsync(fd)

    def forget(self, directory: int, content: bytes) -> None:
        """Drop those that nobody writes to any more, if `content` has all their lines."""
        now = time.time_ns()
        for late in list(self._find(directory)):
            tail = _tail(directory, late)
            is_old = late.swapped < now - (LINES_KEPT_NS if tail else WRITTEN_NS)
            if is_old and set(tail) <= set(control.bare_lines(content) if tail else ()):
                os.unlink(late.name, dir_fd=directory)

    def _find(self, directory: int) -> Iterator[Late]:
        for name in os.listdir(directory):
            size, _, number = name.removeprefix(self.prefix).partition("-")
            if name.startswith(self.prefix) and size.isdecimal() and number.isdecimal():
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
                yield Late(found.st_ctime_ns, name, int(size), found.st_size, found.st_ino)


def inode(directory: int, name: str) -> int:
    """0 where there is no such file."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return 0


def read_at(directory: int, name: str, start: int = 0) -> bytes:
    """A file from there on; leaves its access time alone, and does not wait for a fifo."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(name, flags | os.O_NOATIME, dir_fd=directory)
    except PermissionError:  # O_NOATIME is for the owner only
        fd = os.open(name, flags, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{name} is not a plain file")
        with open(fd, "rb", closefd=False) as file:
            file.seek(start)
            return file.read()
    finally:
        os.close(fd)


def _tail(directory: int, late: Late) -> list[bytes]:
    """The lines that were appended."""
    if late.length <= late.size:
        return []
    return control.bare_lines(read_at(directory, late.name, late.size))
