"""The directory of the login files: everybody may enter it, each file has readers of its own.

The directory with the shards of a large name lies in it and is like it.
"""

from __future__ import annotations

import contextlib
import grp
import os
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from qmailpanel.qmail.formats.logins import (
    LoginFiles,
    LoginFilesFound,
    LoginFormat,
    shards_of,
)
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.host.files import TEMPORARY, Rights, create, drop, entered, read_file
from qmailpanel.qmail.plan.steps import LoginStep, WriteLogins

READER = "dovecot"
DOVECOT_SECONDS = 1.1  # it reads them once in each second of the clock
_ALL: Mapping[str, Collection[str]] = {}
FEW = len(LoginFormat)  # files; with more of them the whole file system is brought to disk


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
        self.rights = Rights(0o711, 0, 0)  # to the directories themselves
        self.rights_of: dict[str, Rights] = {w: _rights_of(w, asking) for w in LoginFormat}
        if not may_change_owners:
            self.rights = self.rights.without_owner()
            self.rights_of = {w: rights.without_owner() for w, rights in self.rights_of.items()}
        self.times: dict[str, int] = {}  # of files we wrote

    # observe

    def observe(
        self, names: Iterable[str], shards: Mapping[str, Collection[str]] = _ALL
    ) -> dict[str, LoginFilesFound]:
        """The files of those names that have any. `shards`: of these names those alone."""
        try:
            with entered(self.path) as directory:
                found = {
                    name: dict(self._observe_name(directory, name, shards.get(name)))
                    for name in names
                }
        except FileNotFoundError:
            return {}
        except OSError:
            return {name: dict.fromkeys(_pair_of(name)) for name in names}
        return {name: files for name, files in found.items() if files}

    def _observe_name(
        self, directory: int, name: str, shards: Collection[str] | None
    ) -> Iterator[tuple[str, bytes | None]]:
        yield from self._read_files(directory, _pair_of(name))
        place = shards_of(name)
        try:
            with entered(place, directory) as there:
                some = [file for shard in shards or () for file in _pair_of(shard)]
                files = os.listdir(there) if shards is None else some
                for file, content in self._read_files(there, files):
                    yield f"{place}/{file}", content
        except FileNotFoundError:
            return
        except OSError:
            yield place, None

    def _read_files(
        self, directory: int, files: Iterable[str]
    ) -> Iterator[tuple[str, bytes | None]]:
        """Those that are there."""
        is_ours = self.rights.are_of(os.fstat(directory))
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                content = self._read_file(file, directory)
                yield file, content if is_ours else None

    def _read_file(self, name: str, directory: int) -> bytes | None:
        """None for one that is not as we make it. Raises FileNotFoundError."""
        try:
            file = read_file(name, directory)
        except FileNotFoundError:
            raise
        except OSError:
            return None
        rights = self.rights_of.get(os.path.splitext(name)[1])
        return file.content if rights and rights.are_of(file.status) else None

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
            for name in {os.path.splitext(file)[0] for file in os.listdir(directory)}:
                for path in _list_files(directory, name):
                    with contextlib.suppress(OSError):
                        yield name, read_file(path, directory).content

    # apply

    def apply(self, step: LoginStep) -> None:
        """Raises StepFailed with the cause; each file is whole all the time."""
        try:
            with self._ensured() as directory:
                if isinstance(step, WriteLogins):
                    self._write_files(directory, step.files)
                    self._remove_files(directory, step.gone)
                else:
                    self._remove_name(directory, step.name)
                os.fsync(directory)
        except OSError as error:
            raise StepFailed(f"{self.path}: {error.strerror} ({type(step).__name__})") from error

    @contextlib.contextmanager
    def _ensured(self) -> Iterator[int]:
        is_new = not os.path.isdir(self.path)
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        with entered(self.path) as directory:
            self._give_rights(directory)
            if is_new:
                libc.syncfs(directory)  # the directories above have it too
            yield directory

    def _give_rights(self, directory: int) -> None:
        if not self.rights.are_of(os.fstat(directory)):
            self.rights.give(directory)

    def _write_files(self, directory: int, files: LoginFiles) -> None:
        """All are on disk before the first takes its place."""
        for place in _places_of(files):
            self._make_shards(directory, place)
        new = {path: _temporary(path, number) for number, path in enumerate(files)}
        few = len(files) <= FEW
        try:
            for path, temporary in new.items():
                drop(temporary, directory)
                self._make_file(directory, path, temporary, files[path], durable=few)
            if not few:
                libc.syncfs(directory)
            for path, temporary in new.items():
                os.rename(temporary, path, src_dir_fd=directory, dst_dir_fd=directory)
        finally:
            for temporary in new.values():
                drop(temporary, directory)
        _flush(directory, files)

    def _make_shards(self, directory: int, place: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(place, 0o700, dir_fd=directory)
        with entered(place, directory) as shards:
            self._give_rights(shards)

    def _make_file(
        self, directory: int, path: str, temporary: str, content: bytes, *, durable: bool
    ) -> None:
        """In a later second than the file before: Dovecot compares seconds and sizes alone."""
        before = self.times.get(path, 0)
        with contextlib.suppress(FileNotFoundError):
            before = max(before, int(os.stat(path, dir_fd=directory).st_mtime))
        self.times[path] = max(int(time.time()), before + 1)
        rights = self.rights_of[LoginFormat(os.path.splitext(path)[1])]
        second = self.times[path]
        create(temporary, directory, content, rights, durable=durable, second=second)

    def _remove_name(self, directory: int, name: str) -> None:
        self._remove_files(directory, _list_files(directory, name))
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(shards_of(name), dir_fd=directory)

    def _remove_files(self, directory: int, paths: Collection[str]) -> None:
        for path in sorted(paths, reverse=True):
            with contextlib.suppress(FileNotFoundError):
                self.times[path] = int(os.stat(path, dir_fd=directory).st_mtime)
                os.unlink(path, dir_fd=directory)
        _flush(directory, paths)


def _pair_of(name: str) -> list[str]:
    return [f"{name}{which}" for which in LoginFormat]


def _list_files(directory: int, name: str) -> list[str]:
    """Where its files are: a pair that may be there, and what is in its directory."""
    place = shards_of(name)
    try:
        with entered(place, directory) as shards:
            return [*_pair_of(name), *(f"{place}/{file}" for file in os.listdir(shards))]
    except FileNotFoundError:
        return _pair_of(name)
    except OSError:
        return [*_pair_of(name), place]


def _places_of(paths: Iterable[str]) -> set[str]:
    """The directories in which some of them are."""
    return {os.path.dirname(path) for path in paths} - {""}


def _flush(directory: int, paths: Iterable[str]) -> None:
    """Have it on the disk that they came or went, where they are in a directory of their own."""
    for place in _places_of(paths):
        with entered(place, directory) as shards:
            os.fsync(shards)


def _temporary(path: str, number: int) -> str:
    """Where it waits, beside its place."""
    place, slash, _ = path.rpartition("/")
    return f"{place}{slash}{TEMPORARY}{number}"


def time_of_reading() -> float:
    """When Dovecot reads what is written now, by the monotonic clock: in the next second."""
    return time.monotonic() + DOVECOT_SECONDS - time.time() % 1


def find_group(name: str) -> int:
    """Its number; root's where there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0
