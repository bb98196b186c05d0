"""The directory of the login files: everybody may enter it, each file has readers of its own."""

from __future__ import annotations

import contextlib
import grp
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator

from qmailpanel.qmail.formats.logins import LoginFiles, LoginFormat
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.host.files import Rights, entered, put, read_file
from qmailpanel.qmail.plan.steps import LoginStep, WriteLogins

READER = "dovecot"
DOVECOT_SECONDS = 1.1  # it reads them once in each second of the clock


def _rights_of(which: LoginFormat, asking: str) -> Rights:
    match which:
        case LoginFormat.MAP:
            return _readable_by(asking)
        case LoginFormat.LINES:
            return _readable_by(READER)


def _readable_by(name: str) -> Rights:
    """Root writes, and so far as there is such a group it reads."""
    group = find_group(name)
    return Rights(0o640 if group else 0o600, 0, group)


class LoginDirectory:
    """`asking`: the group of who asks the maps without being root.

    `may_change_owners`: else everything stays the user's we are, with the same modes.
    """

    def __init__(self, path: str, asking: str, *, may_change_owners: bool) -> None:
        self.path = path
        self.rights = Rights(0o711, 0, 0)  # to the directory itself
        self.rights_of = {which: _rights_of(which, asking) for which in LoginFormat}
        if not may_change_owners:
            self.rights = self.rights.without_owner()
            self.rights_of = {w: rights.without_owner() for w, rights in self.rights_of.items()}
        self.times: dict[str, int] = {}  # of files we wrote

    # observe

    def observe(self, names: Iterable[str]) -> dict[str, LoginFiles | None]:
        """The files of these names; those that are not as they should be are None."""
        files = dict[str, LoginFiles | None]()
        try:
            with entered(self.path) as directory:
                if not self.rights.are_of(os.fstat(directory)):
                    return dict.fromkeys(names)
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        files[name] = self._read_files(directory, name)
        except FileNotFoundError:
            return {}
        except OSError:
            return dict.fromkeys(names)
        return files

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
            file = read_file(f"{name}{which}", directory)
        except FileNotFoundError:
            return None
        if not self.rights_of[which].are_of(file.status):
            raise PermissionError("not a file as we make it")
        return file.content

    def read_ways(self, mail_root: str) -> dict[str, set[str]]:
        """By directory of the mail root, the names whose files open something in it."""
        ways = defaultdict[str, set[str]](set)
        into = re.compile(b":%s/([^/:]+)/" % re.escape(mail_root.encode()))
        for name, content in self._read_all():
            for directory in set(into.findall(content)):
                ways[directory.decode("latin-1")].add(name)
        return ways

    def _read_all(self) -> Iterator[tuple[str, bytes]]:
        """The content of each that can be read, with the name that it is for."""
        with contextlib.suppress(OSError), entered(self.path) as directory:
            for file in os.listdir(directory):
                name, ending = os.path.splitext(file)
                if ending in set(LoginFormat):
                    with contextlib.suppress(OSError):
                        yield name, read_file(file, directory).content

    # apply

    def apply(self, step: LoginStep) -> None:
        """Raises StepFailed with the cause; each file is whole all the time."""
        try:
            self._make_directory()
            with entered(self.path) as directory:
                if isinstance(step, WriteLogins):
                    for which, content in step.files.items():
                        self._write_file(directory, f"{step.name}{which}", which, content)
                else:
                    for which in reversed(LoginFormat):
                        self._remove_file(directory, f"{step.name}{which}")
                os.fsync(directory)
        except OSError as error:
            raise StepFailed(f"{self.path}: {error.strerror} ({type(step).__name__})") from error

    def _make_directory(self) -> None:
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        with entered(self.path) as directory:
            if not self.rights.are_of(os.fstat(directory)):
                self.rights.give(directory)

    def _write_file(self, directory: int, name: str, which: LoginFormat, content: bytes) -> None:
        """In a later second than the file before: Dovecot compares seconds and sizes alone."""
        before = self.times.get(name, 0)
        with contextlib.suppress(FileNotFoundError):
            before = max(before, int(os.stat(name, dir_fd=directory).st_mtime))
        self.times[name] = max(int(time.time()), before + 1)
        put(name, directory, content, self.rights_of[which], second=self.times[name])

    def _remove_file(self, directory: int, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.times[name] = int(os.stat(name, dir_fd=directory).st_mtime)
            os.unlink(name, dir_fd=directory)


def time_of_reading() -> float:
    """When Dovecot reads what is written now, by the monotonic clock: in the next second."""
    return time.monotonic() + DOVECOT_SECONDS - time.time() % 1


def find_group(name: str) -> int:
    """Its number; root's where there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0
