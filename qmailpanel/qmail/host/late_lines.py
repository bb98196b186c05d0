"""Shared files that were swapped out are kept for a while: a late `echo >>` may still write there.

They lie beside the live one for a second; those that got lines, for a minute. A name says how much
of the file was read, and its inode.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qmailpanel.qmail.formats.control import bare_lines
from qmailpanel.qmail.host.files import Rights, create, inode, read_file

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
        live = inode(self.name, directory)
        late = (late for late in sorted(self._find(directory)) if late.inode != live)
        lines = {line: None for one in late for line in _tail(directory, one)}
        if not lines:
            return b""
        there = set(bare_lines(read_file(self.name, directory).content)) if live else set()
        return b"".join(line + b"\n" for line in lines if line not in there)

    def keep(self, directory: int, name: str, size: int) -> None:
        """Give a file a second name, which outlives a swap; `size` of it was read.

        Not all file systems can; there, what comes late is lost.
        """
        kept = f"{self.prefix}{size}-{inode(name, directory)}"
        with contextlib.suppress(FileExistsError, PermissionError):
            os.link(name, kept, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)

    def drop(self, directory: int, number: int) -> None:
        """Forget a file by its inode: it is the live one, or becomes it."""
        for late in self._find(directory):
            if late.inode == number:
                os.unlink(late.name, dir_fd=directory)

    def keep_lines(self, directory: int, lines: Iterable[bytes]) -> None:
        """Lines that the live file may come to lack."""
        content = b"".join(line + b"\n" for line in lines)
        create(f"{self.prefix}0-{time.time_ns()}", directory, content, Rights(0o600))

    def forget(self, directory: int, content: bytes) -> None:
        """Drop those that nobody writes to any more, if `content` has all their lines."""
        now = time.time_ns()
        for late in list(self._find(directory)):
            tail = _tail(directory, late)
            is_old = late.swapped < now - (LINES_KEPT_NS if tail else WRITTEN_NS)
            if is_old and set(tail) <= set(bare_lines(content) if tail else ()):
                os.unlink(late.name, dir_fd=directory)

    def _find(self, directory: int) -> Iterator[Late]:
        for name in os.listdir(directory):
            size, _, number = name.removeprefix(self.prefix).partition("-")
            if name.startswith(self.prefix) and size.isdecimal() and number.isdecimal():
                file = os.stat(name, dir_fd=directory, follow_symlinks=False)
                yield Late(file.st_ctime_ns, name, int(size), file.st_size, file.st_ino)


def _tail(directory: int, late: Late) -> list[bytes]:
    """The lines that were appended."""
    if late.length <= late.size:
        return []
    return bare_lines(read_file(late.name, directory, start=late.size).content)
