"""The shared files: one writer at a time, whole or not at all, and no line of anybody lost."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import Busy, HostError, Raced
from qmailpanel.qmail.state import Shared

LOCK = "users/.qmailpanel.lock"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def hold_lock(home: str) -> Iterator[None]:
    """Be the one writer of this qmail home, until the end of the block.

    Raises HostError when another one is. The file is never removed: two runs that overlap could
    bring an old map back.
    """
    try:
        fd = os.open(f"{home}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError("The qmail home cannot be written.", f"{home}/{LOCK}: {error}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Busy("Another qmailsync is at work on this qmail home.") from error
    finally:
        os.close(fd)


class SharedFile:
    """One of the shared files, by its directory and name."""

    def __init__(self, home: str, shared: Shared) -> None:
        self.shared = shared
        self.directory, self.name = os.path.split(f"{home}/{shared}")
        self.temporary = f".{self.name}.qmailpanel-new"
        self.kept = f".{self.name}.qmailpanel-old-"

    def read(self) -> bytes | None:
        """The content, or None where there is no file. Leaves the access time alone."""
        try:
            with self._opened() as directory:
                return _read(directory, self.name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HostError(f"{self.shared} cannot be read.", str(error)) from error

    def replace(self, before: bytes | None, content: bytes) -> None:
        """Swap `content` in for `before`, which is kept for a late `echo >>` (see `late`).

        Raises Raced when something else than `before` was there: it is there again then.
        """
        try:
            with self._opened() as directory:
                self._write_temporary(directory, content)
                if before is None:
                    self._link(directory)
                else:
                    self._swap(directory, before)
                os.fsync(directory)
        except OSError as error:
            raise HostError(f"{self.shared} could not be written.", str(error)) from error

    def late(self) -> bytes:
        """What somebody appended to the file that was swapped out, after it was.

        It lies beside the live one until the next swap; its name says how long it was.
        """
        with contextlib.suppress(OSError), self._opened() as directory:
            for name, size in self._kept(directory):
                if os.stat(name, dir_fd=directory).st_size > size:
                    return _read(directory, name)[size:]
        return b""

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def _write_temporary(self, directory: int, content: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.temporary, dir_fd=directory)
        fd = os.open(self.temporary, _CREATE, 0o600, dir_fd=directory)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(content)
            os.fchmod(fd, 0o644)
            os.fsync(fd)
        except OSError:
            os.unlink(self.temporary, dir_fd=directory)
            raise
        finally:
            os.close(fd)

    def _link(self, directory: int) -> None:
        try:
            libc.rename_new(directory, self.temporary, directory, self.name)
        except FileExistsError as error:
            raise Raced from error

    def _swap(self, directory: int, before: bytes) -> None:
        ours = _inode(directory, self.temporary)
        try:
            libc.exchange(directory, self.temporary, self.name)
        except FileNotFoundError as error:
            raise Raced from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._rename(directory, before)
            return
        if self._came_out(directory) == before:
            self._keep(directory, len(before))
            return
        self._put_back(directory, ours)
        raise Raced

    def _kept(self, directory: int) -> list[tuple[str, int]]:
        names = [name for name in os.listdir(directory) if name.startswith(self.kept)]
        return [(name, int(name.removeprefix(self.kept))) for name in names]

    def _keep(self, directory: int, size: int) -> None:
        for name, _ in self._kept(directory):
            os.unlink(name, dir_fd=directory)
        name = f"{self.kept}{size}"
        os.rename(self.temporary, name, src_dir_fd=directory, dst_dir_fd=directory)

    def _came_out(self, directory: int) -> bytes | None:
        try:
            return _read(directory, self.temporary)
        except OSError:
            return None

    def _put_back(self, directory: int, ours: int) -> None:
        """Swap until our file is the one that came out: what others wrote last stays."""
        while _inode(directory, self.temporary) != ours:
            libc.exchange(directory, self.temporary, self.name)

    def _rename(self, directory: int, before: bytes) -> None:
        """For file systems that cannot exchange: look, then rename."""
        if _read(directory, self.name) != before:
            raise Raced
        os.rename(self.temporary, self.name, src_dir_fd=directory, dst_dir_fd=directory)


def _inode(directory: int, name: str) -> int:
    return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino


def _read(directory: int, name: str) -> bytes:
    try:
        fd = os.open(name, _READ | os.O_NOATIME, dir_fd=directory)
    except PermissionError:  # O_NOATIME is for the owner only
        fd = os.open(name, _READ, dir_fd=directory)
    with open(fd, "rb") as file:
        return file.read()
