"""The directory of the login files: root and Dovecot may enter it, the maps are root's alone."""

from __future__ import annotations

import contextlib
import grp
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qmailpanel.qmail.formats.logins import LoginFiles, LoginFormat
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.plan.steps import LoginStep, WriteLogins

READER = "dovecot"
SIGHT_SECONDS = 1.1  # Dovecot looks once in each second of the clock
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = ".qmailpanel-new"


def _reader_of(which: LoginFormat) -> str:
    """The group that may read the files of a format besides root; empty for none."""
    match which:
        case LoginFormat.MAP:
            return ""
        case LoginFormat.LINES:
            return READER


@dataclass(frozen=True, slots=True)
class _Access:
    """Who owns something besides root, and its mode."""

    group: int
    mode: int


def _access_to(which: LoginFormat) -> _Access:
    reader = _reader_of(which)
    return _Access(find_group(reader), 0o640) if reader else _Access(0, 0o600)


class LoginDirectory:
    """`may_change_owners`: else everything stays the user's we are, with the same modes."""

    def __init__(self, path: str, *, may_change_owners: bool) -> None:
        self.path = path
        self.access = _Access(find_group(READER), 0o750)  # to the directory itself
        self.access_of = {which: _access_to(which) for which in LoginFormat}
        self.may_change_owners = may_change_owners
        self.times: dict[str, int] = {}  # of files we wrote

    # observe

    def observe(self, names: Iterable[str]) -> dict[str, LoginFiles | None]:
        """The files of these names; those that are not as they should be are None."""
        found = dict[str, LoginFiles | None]()
        try:
            with self._opened() as directory:
                if not self._is_right(os.fstat(directory), self.access):
                    return dict.fromkeys(names)
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        found[name] = self._read_files(directory, name)
        except FileNotFoundError:
            return {}
        except OSError:
            return dict.fromkeys(names)
        return found

    def _read_files(self, directory: int, name: str) -> LoginFiles | None:
        """None unless all are there. Raises FileNotFoundError where none is."""
        try:
            contents = {which: self._read_file(directory, name, which) for which in LoginFormat}
        except OSError:
            return None
        files = {which: content for which, content in contents.items() if content is not None}
        if not files:
            raise FileNotFoundError
        return files if len(files) == len(contents) else None

    def _read_file(self, directory: int, name: str, which: LoginFormat) -> bytes | None:
        try:
            fd = os.open(f"{name}{which}", _READ, dir_fd=directory)
        except FileNotFoundError:
            return None
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or not self._is_right(found, self.access_of[which]):
                raise PermissionError("not a file as we make it")
            return _read_all(fd, found.st_size)
        finally:
            os.close(fd)

    def _is_right(self, found: os.stat_result, access: _Access) -> bool:
        if stat.S_IMODE(found.st_mode) != access.mode:
            return False
        owner = (found.st_uid, found.st_gid)
        return not self.may_change_owners or owner == (0, access.group)

    # apply

    def apply(self, step: LoginStep) -> None:
        """Raises StepFailed with the cause; each file is whole all the time."""
        try:
            self._make_directory()
            with self._opened() as directory:
                if isinstance(step, WriteLogins):
                    for which, content in step.files.items():
                        self._write_file(directory, step.name, which, content)
                else:
                    for which in reversed(LoginFormat):
                        self._remove_file(directory, f"{step.name}{which}")
                os.fsync(directory)
        except OSError as error:
            raise StepFailed(f"{self.path}: {error.strerror} ({type(step).__name__})") from error

    def _make_directory(self) -> None:
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        with self._opened() as directory:
            if not self._is_right(os.fstat(directory), self.access):
                self._own(directory, self.access)

    def _write_file(self, directory: int, name: str, which: LoginFormat, content: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_NEW, dir_fd=directory)
        fd = os.open(_NEW, _CREATE, 0o600, dir_fd=directory)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(content)
            self._own(fd, self.access_of[which])
            self._date(directory, f"{name}{which}", fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(_NEW, f"{name}{which}", src_dir_fd=directory, dst_dir_fd=directory)

    def _own(self, fd: int, access: _Access) -> None:
        if self.may_change_owners:
            os.fchown(fd, 0, access.group)
        os.fchmod(fd, access.mode)

    def _date(self, directory: int, name: str, fd: int) -> None:
        """A later second than that of the file before: Dovecot compares seconds and sizes alone."""
        before = self.times.get(name, 0)
        with contextlib.suppress(FileNotFoundError):
            before = max(before, int(os.stat(name, dir_fd=directory).st_mtime))
        self.times[name] = max(int(time.time()), before + 1)
        os.utime(fd, (self.times[name], self.times[name]))

    def _remove_file(self, directory: int, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.times[name] = int(os.stat(name, dir_fd=directory).st_mtime)
            os.unlink(name, dir_fd=directory)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        fd = os.open(self.path, _DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)


def time_of_sight() -> float:
    """When Dovecot sees what is written now, by the monotonic clock: in the next second."""
    return time.monotonic() + SIGHT_SECONDS - time.time() % 1


def find_group(name: str) -> int:
    """Its number; root's where there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0


def _read_all(fd: int, size: int) -> bytes:
    content = b""
    while part := os.read(fd, size + 1 - len(content)):
        content += part
    return content
