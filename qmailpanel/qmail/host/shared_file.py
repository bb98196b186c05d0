"""The shared files: one writer at a time, whole or not at all, and no line of anybody lost."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from qmailpanel.qmail.formats.control import bare_lines
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import Busy, HostError, Raced
from qmailpanel.qmail.host.files import (
    Rights,
    create,
    drop,
    entered,
    inode,
    open_at,
    read_file,
    says,
)
from qmailpanel.qmail.host.late_lines import LateFiles
from qmailpanel.qmail.host.vpopmail_lock import hold_vpopmail_lock

LOCK = "users/.qmailpanel.lock"
_RIGHTS = Rights(0o644)
TICK_NS = 15_000_000  # for less than that the clock of a file system stands still …
SECOND_NS = 1_000_000_000  # … and where it counts whole seconds for less than that


@contextlib.contextmanager
def hold_lock(home: str) -> Iterator[None]:
    """Be the one writer of this qmail home, until the end of the block.

    Raises HostError when another one is. The file is never removed: two runs that overlap could
    bring an old map back. A qmail-newu that outlives us holds it on, and so nobody reads or writes
    what it is about to replace.
    """
    try:
        fd = open_at(f"{home}/{LOCK}", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise HostError("The qmail home cannot be written.", f"{home}/{LOCK}: {error}") from error
    try:
        _lock(fd)
        os.set_inheritable(fd, True)
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)  # a child just forked may still have the descriptor
        os.close(fd)


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Busy("Another qmailsync is at work on this qmail home.") from error
    except OSError as error:
        raise HostError("The qmail home cannot be locked.", f"{LOCK}: {error}") from error


class SharedFile:
    """One of the shared files, by its directory and name.

    `read_ours`: the lines that the memory knows as the panel's, without their newlines.
    """

    def __init__(
        self, home: str, shared: Shared, read_ours: Callable[[], Collection[bytes]]
    ) -> None:
        self.shared = shared
        self.read_ours = read_ours
        self.directory, self.name = os.path.split(f"{home}/{shared}")
        self.temporary = f".{self.name}.qmailpanel-new"
        self.predecessors = LateFiles(self.name)
        self._read: tuple[object, bytes] = None, b""  # with its times, if they tell of a writing

    def read(self, *, again: bool = False) -> bytes | None:
        """The content, or None where there is no file. Leaves the access time alone.

        `again`: though by its times nobody wrote it since it was read.
        """
        try:
            with self._entered() as directory:
                return self._read_in(directory, again=again)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HostError(f"{self.shared} cannot be read.", str(error)) from error

    def _read_in(self, directory: int, *, again: bool = False) -> bytes:
        there = os.stat(self.name, dir_fd=directory, follow_symlinks=False)
        if again or _times(there) != self._read[0]:
            since, file = time.time_ns(), read_file(self.name, directory)
            tells = _tells_of_writing(file.status.st_ctime_ns, since)
            self._read = _times(file.status) if tells else None, file.content
        return self._read[1]

    def _keep_as_read(self, directory: int, number: int, content: bytes, since: int) -> None:
        """What we wrote ourselves. `number`: its inode; `since`: when others could first see it."""
        there = os.stat(self.name, dir_fd=directory, follow_symlinks=False)
        if there.st_ino == number and _tells_of_writing(there.st_mtime_ns, since):
            self._read = _times(there), content

    def replace(self, before: bytes | None, content: bytes) -> None:
        """Swap `content` in for `before`, which is kept for a late `echo >>`.

        Raises Raced when something else than `before` is there, or was: it is there again then.
        """
        try:
            with self.held() as directory:
                self._require(directory, before)
                drop(self.temporary, directory)
                create(self.temporary, directory, content, _RIGHTS)
                if before is None:
                    self._put_new(directory)
                else:
                    self._swap(directory, before, content)
                os.fsync(directory)
        except OSError as error:
            raise HostError(f"{self.shared} could not be written.", str(error)) from error

    def has_late(self, names: Iterable[str]) -> bool:
        """Whether a predecessor is among these, which are those in its directory."""
        return any(name.startswith(self.predecessors.prefix) for name in names)

    def read_late_lines(self) -> bytes:
        """What somebody appended to a predecessor of the file after it was swapped out."""
        with contextlib.suppress(OSError), self._entered() as directory:
            return self.predecessors.read(directory)
        return b""

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Its directory, open, while vpopmail's commands write nothing there."""
        with self._entered() as directory, hold_vpopmail_lock(self.name, directory):
            yield directory

    def _entered(self) -> contextlib.AbstractContextManager[int]:
        """Its directory: only root can put a link there, as Debian does."""
        return entered(self.directory, follow=True)

    def _require(self, directory: int, before: bytes | None) -> None:
        """A plan that is out of date takes no line of anybody out of the file, even for a moment.

        The service itself may have written it: for another domain, in a pause.
        """
        try:
            if self._read_in(directory) != before:
                raise Raced
        except FileNotFoundError as error:
            if before is not None:
                raise Raced from error

    def _put_new(self, directory: int) -> None:
        try:
            libc.rename_new(directory, self.temporary, directory, self.name)
        except FileExistsError as error:
            raise Raced from error

    def _swap(self, directory: int, before: bytes, content: bytes) -> None:
        ours, since = inode(self.temporary, directory), time.time_ns()
        try:
            self.predecessors.drop(directory, inode(self.name, directory))
            self.predecessors.keep(directory, self.name, len(before))
            libc.exchange(directory, self.temporary, self.name)
        except FileNotFoundError as error:
            raise Raced from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._rename(directory)
        else:
            if not self._has_swapped_out(directory, before):
                self._put_back(directory, ours, before, content)
                raise Raced
            os.unlink(self.temporary, dir_fd=directory)
            self._keep_as_read(directory, ours, content, since)
        self.predecessors.settle(directory, before, content)

    def _has_swapped_out(self, directory: int, before: bytes) -> bool:
        try:
            return says(self.temporary, before, directory)
        except OSError:
            return False

    def _put_back(self, directory: int, ours: int, before: bytes, content: bytes) -> None:
        """Swap until what others wrote last is in place.

        Their lines that were out of it for a moment are kept: an editor may have read it without
        them, and write it later.
        """
        put_in, out = ours, inode(self.temporary, directory)
        self.predecessors.drop(directory, out)
        lines = self._lines_out(directory)
        while True:
            libc.exchange(directory, self.temporary, self.name)
            lines += self._lines_out(directory)
            last_in, put_in, out = put_in, out, inode(self.temporary, directory)
            if out == last_in:
                break
        if out == ours:
            self.predecessors.keep(directory, self.temporary, len(content))
        known = {*bare_lines(before), *bare_lines(content), *self.read_ours()}
        theirs = [line for line in dict.fromkeys(lines) if line not in known]
        self.predecessors.keep_lines(directory, theirs)
        os.unlink(self.temporary, dir_fd=directory)

    def _lines_out(self, directory: int) -> list[bytes]:
        try:
            return bare_lines(read_file(self.temporary, directory).content)
        except OSError:
            return []

    def _rename(self, directory: int) -> None:
        """For file systems that cannot exchange."""
        os.rename(self.temporary, self.name, src_dir_fd=directory, dst_dir_fd=directory)


def _times(status: os.stat_result) -> object:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _tells_of_writing(written: int, since: int) -> bool:
    """Whether a file that was written then has another time when it is written after `since`."""
    still = TICK_NS if written % SECOND_NS else SECOND_NS
    return 0 < written < since - still
