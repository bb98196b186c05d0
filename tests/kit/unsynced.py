"""What the power can still take: directories and files that changed since they were last synced.

Seen at the system calls of `os` and `libc` while a test watches. What SQLite and other programs
write is not seen; they sync it themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.files import TEMPORARY
from qmailpanel.qmail.plan.questions import LEDGER_MARK

DISKS = ("mailnames", "logins")  # directories that count as file systems of their own
LATER = (LEDGER_MARK, TEMPORARY)  # on the disk with the next change of users/assign; taken away
NAMING = ("mkdir", "rmdir", "unlink", "symlink", "link")  # the last argument is what gets a name
WRITING = ("write", "fchmod", "fchown", "utime")

Inode = tuple[int, int]


class Unsynced:
    """`replaced`: files that took a name before they were synced, where another file had it."""

    def __init__(self) -> None:
        self._paths: dict[Inode, set[str]] = {}
        self.replaced: list[str] = []

    def below(self, home: Path) -> set[str]:
        """What of a host is not surely on the disk: files with what they say, and names."""
        real = os.path.realpath(home)
        paths = {os.path.relpath(path, real) for path in set().union(*self._paths.values())}
        here = {path for path in paths if not path.startswith("..")}
        return {path for path in here if not any(name in path for name in LATER)}

    @contextmanager
    def watch(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in NAMING:
                patch.setattr(os, name, self._naming(getattr(os, name)))
            for name in WRITING:
                patch.setattr(os, name, self._writing(getattr(os, name)))
            patch.setattr(os, "open", self._opening(os.open))
            patch.setattr(os, "rename", self._renaming(os.rename))
            patch.setattr(os, "fsync", self._syncing(os.fsync))
            patch.setattr(libc, "exchange", self._exchanging(libc.exchange))
            patch.setattr(libc, "rename_new", self._renaming_new(libc.rename_new))
            patch.setattr(libc, "syncfs", self._syncing_all(libc.syncfs))
            yield

    def _naming(self, call: Callable[..., None]) -> Callable[..., None]:
        def named(*arguments: Any, dir_fd: int | None = None, **options: Any) -> None:
            place = {} if dir_fd is None else {"dir_fd": dir_fd}
            call(*arguments, **place, **options)
            name = next(one for one in reversed(arguments) if isinstance(one, str | os.PathLike))
            self._note_directory(dir_fd, os.fspath(name))

        return named

    def _opening(self, call: Callable[..., int]) -> Callable[..., int]:
        def opened(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            is_new = flags & os.O_CREAT and not os.path.lexists(_path(dir_fd, name))
            fd = call(name, flags, mode, dir_fd=dir_fd)
            if is_new:
                self._note_directory(dir_fd, name)
            return fd

        return opened

    def _writing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def written(fd: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(fd, int) and os.path.isfile(f"/proc/self/fd/{fd}"):
                self._note(os.fstat(fd), os.readlink(f"/proc/self/fd/{fd}"))
            return call(fd, *arguments, **options)

        return written

    def _renaming(self, call: Callable[..., None]) -> Callable[..., None]:
        def renamed(
            src: str, dst: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
        ) -> None:
            if os.path.exists(_path(dst_dir_fd, dst)):
                self._note_replaced(src_dir_fd, src, dst_dir_fd, dst)
            call(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            self._note_renamed(src_dir_fd, src, dst_dir_fd, dst)

        return renamed

    def _renaming_new(self, call: Callable[..., None]) -> Callable[..., None]:
        def renamed(src_fd: int, src: str, dst_fd: int, dst: str) -> None:
            call(src_fd, src, dst_fd, dst)
            self._note_renamed(src_fd, src, dst_fd, dst)

        return renamed

    def _exchanging(self, call: Callable[..., None]) -> Callable[..., None]:
        def exchanged(directory: int, one: str, other: str) -> None:
            self._note_replaced(directory, one, directory, other)
            call(directory, one, other)
            self._note_renamed(directory, one, directory, other)

        return exchanged

    def _syncing(self, call: Callable[[int], None]) -> Callable[[int], None]:
        def synced(fd: int) -> None:
            call(fd)
            self._paths.pop(_inode(os.fstat(fd)), None)

        return synced

    def _syncing_all(self, call: Callable[[int], None]) -> Callable[[int], None]:
        def synced(fd: int) -> None:
            call(fd)
            disk = _disk_of(os.readlink(f"/proc/self/fd/{fd}"))
            left = {
                at: {path for path in paths if _disk_of(path) != disk}
                for at, paths in self._paths.items()
            }
            self._paths = {at: paths for at, paths in left.items() if paths}

        return synced

    def _note_replaced(self, src_fd: int | None, src: str, dst_fd: int | None, dst: str) -> None:
        status = os.lstat(_path(src_fd, src))
        if self._paths.get(_inode(status)) and os.path.isfile(_path(src_fd, src)):
            self.replaced.append(os.path.realpath(_path(dst_fd, dst)))

    def _note_renamed(self, src_fd: int | None, src: str, dst_fd: int | None, dst: str) -> None:
        self._note_directory(src_fd, src)
        self._note_directory(dst_fd, dst)
        path = _path(dst_fd, dst)
        written = self._paths.get(_inode(os.lstat(path)))
        if written and os.path.isfile(path):
            written.clear()
            written.add(os.path.realpath(path))

    def _note_directory(self, parent: int | None, name: str) -> None:
        directory = os.path.realpath(os.path.dirname(_path(parent, name)))
        if os.path.isdir(directory):
            self._note(os.stat(directory), f"{directory}/{os.path.basename(name)}")

    def _note(self, status: os.stat_result, path: str) -> None:
        self._paths.setdefault(_inode(status), set()).add(path)


def _path(parent: int | None, name: str) -> str:
    return name if parent is None else f"/proc/self/fd/{parent}/{name}"


def _disk_of(path: str) -> str:
    return next((name for name in DISKS if f"/{name}/" in f"{path}/"), "")


def _inode(status: os.stat_result) -> Inode:
    return status.st_dev, status.st_ino
