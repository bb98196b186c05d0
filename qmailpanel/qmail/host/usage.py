"""What is in a mailbox, and when it was opened: read as if strangers had written all of it.

A box is entered name by name and by descriptor. What is no plain file or directory is unknown.
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
from qmailpanel.qmail.host.files import look_at, opened, read_size
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.pause import Round

MESSAGES = 2_000  # between two pauses
MOST_FOLDERS = 2_000
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_PARTS = maildir.COUNTED
Total = tuple[int, int]  # bytes and messages


@dataclass(frozen=True, slots=True)
class Mark:
    """A file that a sign-in left: when, and what it says."""

    at: float
    text: bytes


class Box:
    """An open home with its Maildir. Raises OSError where they are not as they should be."""

    def __init__(self, home: int, inside: int) -> None:
        self.home = home
        self.inside = inside

    def read_size(self) -> MaildirSize | None:
        """None where there is no maildirsize that deliverquota would understand."""
        return read_size(self.inside)

    def stamp(self) -> int:
        """Another number once a message came, went or was renamed, and never 0."""
        found = [self._describe(f"{at}{part}") for at in self._folders() for part in _PARTS]
        return zlib.crc32(repr(found).encode()) + 1

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
        fd = os.open(maildir.SIZE, _APPEND, dir_fd=self.inside)
        try:
            found = os.fstat(fd)
            is_theirs = owner is None or found.st_uid == owner.uid
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not is_theirs:
                raise PermissionError("a maildirsize that is not the mail user's")
            os.write(fd, maildir.render_usage(size, count))
        finally:
            os.close(fd)

    def read_mark(self, name: str) -> Mark | None:
        """A file of a sign-in, if it is there."""
        try:
            found = os.stat(name, dir_fd=self.home, follow_symlinks=False)
        except FileNotFoundError:
            return None
        text = look_at(self.home, name)
        return Mark(found.st_mtime, text) if isinstance(text, bytes) else None

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
        found = os.stat(name, dir_fd=self.inside, follow_symlinks=False)
        return stat.S_ISDIR(found.st_mode)

    def _describe(self, path: str) -> tuple[str, int, int]:
        folder, _, part = path.rpartition("/")
        with contextlib.ExitStack() as stack:
            try:
                fd = stack.enter_context(opened(folder, self.inside)) if folder else self.inside
                found = os.stat(part, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return path, 0, 0
        return path, found.st_ino, found.st_mtime_ns

    def _sizes(self, path: str) -> Iterator[int | None]:
        """Of each file its size, or None for one that does not count."""
        folder, _, part = path.rpartition("/")
        with contextlib.ExitStack() as stack:
            try:
                fd = stack.enter_context(opened(folder, self.inside)) if folder else self.inside
                fd = stack.enter_context(opened(part, fd))
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
def open_box(mail_root: str, domain: str, local: str) -> Iterator[Box]:
    """The box of an address. Raises OSError where there is none."""
    if "/" in f"{domain}{local}" or {domain, local} & {"", ".", ".."}:
        raise FileNotFoundError(f"{domain}/{local}")
    with (
        opened(mail_root) as root,
        opened(domain, root) as directory,
        opened(local, directory) as home,
        opened("Maildir", home) as inside,
    ):
        yield Box(home, inside)
