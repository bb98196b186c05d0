"""What others wrote into a shared file just while it was swapped, until it is surely in there.

A file that was swapped out lies beside the live one for a second, for a late `echo >>`; its name
says how much of it was read, and its inode. Lines that the live file lacked for a moment are kept
in files of their own, whose names say when: an editor may have read it just then.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from qmailpanel.qmail.formats.control import bare_lines
from qmailpanel.qmail.host.files import Rights, create, inode, read_file

WRITTEN_NS = 1_000_000_000
LINES_KEPT_NS = 10_000_000_000  # from an editor's look at a file to its writing


@dataclass(frozen=True, order=True, slots=True)
class Late:
    """A file that was swapped out; of its `length`, `size` was read. Or lines, kept at `since`."""

    since: int
    name: str
    size: int
    length: int
    inode: int
    is_lines: bool

    def is_old(self, now: int) -> bool:
        """A clock that was set back makes it old, too."""
        return abs(now - self.since) > (LINES_KEPT_NS if self.is_lines else WRITTEN_NS)


class LateFiles:
    """The late files of one shared file. `directory` is its directory, open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.prefix = f".{name}.qmailpanel-old-"

    def read(self, directory: int) -> bytes:
        """The lines that the live file lacks and that nobody took out.

        Who writes it without them long after they were back has seen them there.
        """
        try:
            live = os.stat(self.name, dir_fd=directory, follow_symlinks=False)
            number, written = live.st_ino, live.st_ctime_ns
        except FileNotFoundError:
            number, written = 0, time.time_ns()
        late_files = [
            late
            for late in sorted(self._find(directory))
            if late.inode != number and not (late.is_lines and late.is_old(written))
        ]
        lines = {line: None for late in late_files for line in bare_lines(_tail(directory, late))}
        if not lines:
            return b""
        there = set(bare_lines(read_file(self.name, directory).content)) if number else set()
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

    def keep_lines(self, directory: int, lines: Iterable[bytes], since: int | None = None) -> None:
        """Lines that are in the live file, and that it may come to lack."""
        content = b"".join(line + b"\n" for line in lines)
        if content:
            name = f"{self.prefix}0-{since or time.time_ns()}"
            create(name, directory, content, Rights(0o600))

    def settle(self, directory: int, before: bytes, content: bytes) -> None:
        """`content` was written in the place of `before`: drop what is old, note what is in it."""
        tails = {late: _tail(directory, late) for late in self._find(directory)}
        has_lines = any(tails.values())
        there = set(bare_lines(content)) if has_lines else set()
        gone = set(bare_lines(before)) - there if has_lines else set()
        now = time.time_ns()
        for late, tail in tails.items():
            if late.is_old(now) and (late.is_lines or not tail):
                os.unlink(late.name, dir_fd=directory)
            elif late.is_lines:
                self._forget_lines(directory, late, tail, gone)
            elif tail and there.issuperset(bare_lines(tail)):
                self._note_taken_over(directory, late, tail)

    def _forget_lines(self, directory: int, late: Late, content: bytes, gone: Set[bytes]) -> None:
        """What was the panel's by then and was taken out on purpose does not come back."""
        lines = bare_lines(content)
        rest = [line for line in lines if line not in gone]
        if rest != lines:
            os.unlink(late.name, dir_fd=directory)
            self.keep_lines(directory, rest, late.since)

    def _note_taken_over(self, directory: int, late: Late, tail: bytes) -> None:
        """From now on they are lines of the live file; what comes behind them is still late."""
        self.keep_lines(directory, bare_lines(tail))
        name = f"{self.prefix}{late.size + len(tail)}-{late.inode}"
        os.rename(late.name, name, src_dir_fd=directory, dst_dir_fd=directory)

    def _find(self, directory: int) -> Iterator[Late]:
        for name in os.listdir(directory):
            size, _, number = name.removeprefix(self.prefix).partition("-")
            if name.startswith(self.prefix) and size.isdecimal() and number.isdecimal():
                file = os.stat(name, dir_fd=directory, follow_symlinks=False)
                is_lines = int(number) != file.st_ino
                since = int(number) if is_lines else file.st_ctime_ns
                yield Late(since, name, int(size), file.st_size, file.st_ino, is_lines)


def _tail(directory: int, late: Late) -> bytes:
    """What was appended since it was read; all of it where it is lines."""
    if late.length <= late.size:
        return b""
    return read_file(late.name, directory, start=late.size).content
