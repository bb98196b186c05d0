"""Shared files that were swapped out are kept for a while: a late `echo >>` may still write there.

The last few lie beside the live one. A name says how much of the file was read, and its inode.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

KEPT = 3


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
        """What was appended to them."""
        live = inode(directory, self.name)
        late = (late for late in sorted(self._find(directory)) if late.inode != live)
        return b"".join(_tail(directory, one) for one in late)

    def keep(self, directory: int, name: str, size: int) -> None:
        """Give a file a second name, which outlives a swap; `size` of it was read.

        Not all file systems can; there, what comes late is lost.
        """
        kept = f"{self.prefix}{size}-{inode(directory, name)}"
        with contextlib.suppress(FileExistsError, PermissionError):
            os.link(name, kept, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)

    def drop_live(self, directory: int) -> None:
        """What is appended to the live file is not late."""
        live = inode(directory, self.name)
        for late in self._find(directory):
            if late.inode == live:
                os.unlink(late.name, dir_fd=directory)

    def forget(self, directory: int, content: bytes) -> None:
        """What was appended is in the new content. The last few stay for a writer still at it."""
        found = sorted(self._find(directory))
        for late in found[-KEPT:]:
            tail = _tail(directory, late)
            if tail and tail.rstrip(b"\n") in content:
                name = f"{self.prefix}{late.size + len(tail)}-{late.inode}"
                os.rename(late.name, name, src_dir_fd=directory, dst_dir_fd=directory)
        for late in found[:-KEPT]:
            if _tail(directory, late).rstrip(b"\n") in content:
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


def _tail(directory: int, late: Late) -> bytes:
    return read_at(directory, late.name, late.size) if late.length > late.size else b""
