"""What is in a mailbox, and when it was opened: read as if strangers had written all of it.

A home is entered name by name and by descriptor. What is no plain file or directory is unknown.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.formats.maildir import MaildirSize
from qmailpanel.qmail.host.files import entered, opened, read_plain
from qmailpanel.qmail.host.home_maker import read_size
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.pause import Round

MESSAGES = 2_000  # between two pauses
MOST_FOLDERS = 2_000
_PARTS = maildir.COUNTED
Total = tuple[int, int]  # bytes and messages


@dataclass(frozen=True, slots=True)
class Mark:
    """A file that a sign-in left: when, and what it says."""

    at: float
    text: bytes


class OpenHome:
    """A home and its Maildir, entered. Raises OSError where they are not as they should be."""

    def __init__(self, home: int, inside: int) -> None:
        self.home = home
        self.inside = inside

    def read_size(self) -> MaildirSize | None:
        """None where there is no maildirsize that deliverquota would understand."""
        return read_size(self.inside)

    def stamp(self) -> int:
        """Another number once a message came, went or was renamed, and never 0."""
        parts = [self._describe(f"{at}{part}") for at in self._folders() for part in _PARTS]
        return zlib.crc32(repr(parts).encode()) + 1

    def count(self) -> Round[Total]:
        """Bytes and messages as deliverquota counts them.

        That is `cur` and `new` of all folders but the trash, without what is flagged trashed.
        """
        size = count = seen = 0
        for folder in self._folders():
            for part in _PARTS:
                for each in self._sizes(f"{folder}{part}"):
                    seen += 1
                    if each is not None:
                        size, count = size + each, count + 1
                    if seen % MESSAGES == 0:
                        yield
        return size, count

    def add(self, size: int, count: int, owner: MailUser | None) -> None:
        """A line for maildirsize, in one write: lines that others add meanwhile stay.

        Raises OSError, also where the file is not the mail user's.
        """
        append = os.O_WRONLY | os.O_APPEND
        with opened(maildir.SIZE, self.inside, flags=append) as (fd, status):
            is_theirs = owner is None or status.st_uid == owner.uid
            if status.st_nlink != 1 or not is_theirs:
                raise PermissionError("a maildirsize that is not the mail user's")
            os.write(fd, maildir.render_usage(size, count))

    def read_mark(self, name: str) -> Mark | None:
        """A file of a sign-in, if it is there."""
        try:
            status = os.stat(name, dir_fd=self.home, follow_symlinks=False)
        except FileNotFoundError:
            return None
        text = read_plain(name, self.home)
        return Mark(status.st_mtime, text) if isinstance(text, bytes) else None

    def _folders(self) -> Iterator[str]:
        """The Maildir itself, then its folders, each as the beginning of a path."""
        yield ""
        with os.scandir(self.inside) as entries:
            dotted = (entry.name for entry in entries if entry.name.startswith("."))
            names = list(itertools.islice(dotted, MOST_FOLDERS + 1))
        if len(names) > MOST_FOLDERS:
            raise OSError("more folders than anybody has")
        for name in sorted(names):
            if name != maildir.NOT_COUNTED and self._is_directory(name):
                yield f"{name}/"

    def _is_directory(self, name: str) -> bool:
        return stat.S_ISDIR(os.stat(name, dir_fd=self.inside, follow_symlinks=False).st_mode)

    def _describe(self, path: str) -> tuple[str, int, int]:
        folder, _, part = path.rpartition("/")
        with contextlib.ExitStack() as stack:
            try:
                fd = stack.enter_context(entered(folder, self.inside)) if folder else self.inside
                status = os.stat(part, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return path, 0, 0
        return path, status.st_ino, status.st_mtime_ns

    def _sizes(self, path: str) -> Iterator[int | None]:
        """Of each file its size, or None for one that does not count."""
        folder, _, part = path.rpartition("/")
        with contextlib.ExitStack() as stack:
            try:
                fd = stack.enter_context(entered(folder, self.inside)) if folder else self.inside
                fd = stack.enter_context(entered(part, fd))
            except FileNotFoundError:
                return
            for entry in stack.enter_context(os.scandir(fd)):
                yield _size_of(entry) if maildir.is_counted(entry.name) else None


def _size_of(entry: os.DirEntry[str]) -> int | None:
    told = maildir.size_in(entry.name)
    if told is not None:
        return told
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return None  # it went meanwhile


@contextlib.contextmanager
def entered_home(mail_root: str, domain: str, local: str) -> Iterator[OpenHome]:
    """The home of an address. Raises OSError where there is none."""
    if {"/", "\0"} & {*f"{domain}{local}"} or {domain, local} & {"", ".", ".."}:
        raise FileNotFoundError(f"{domain}/{local}")
    with (
        entered(mail_root) as root,
        entered(domain, root) as directory,
        entered(local, directory) as home,
        entered(maildir.NAME, home) as inside,
    ):
        yield OpenHome(home, inside)
