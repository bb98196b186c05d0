"""The way from one home to the next, without trust.

Directories are entered name by name, and no symbolic link is followed but root's own outside the
mail root. There is one descriptor for each directory on the way; the next home goes on from where
the last one was.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from qmailpanel.qmail.doctor.assigned_homes import AssignedHome
from qmailpanel.qmail.doctor.examined import ENTER, File
from qmailpanel.qmail.host.examined_files import WAY, describe
from qmailpanel.qmail.host.files import open_at


class Linked(Exception):
    """A symbolic link is on the way."""


@dataclass
class _Stop:
    """A directory on the way that is open."""

    path: str
    name: str
    fd: int
    file: File


class Walk:
    """`delivers`: a qmail delivers here, so the way to the mail root counts too."""

    def __init__(self, mail_root: str, *, delivers: bool) -> None:
        self.mail_root = mail_root.rstrip("/")
        self.delivers = delivers
        top = open_at("/", WAY)
        self._stops = [_Stop("", "", top, describe(os.fstat(top)))]

    def close(self) -> None:
        """The descriptors."""
        self._back_to(0)

    @property
    def directory(self) -> int:
        """The directory where the walk is, open."""
        return self._stops[-1].fd

    def go(self, names: list[str]) -> None:
        """To the directory of these names, from the top. Raises Linked, or OSError."""
        same = 0
        for stop, name in zip(self._stops[1:], names, strict=False):
            if stop.name != name:
                break
            same += 1
        self._back_to(same + 1)
        for name in names[same:]:
            self._enter(name)

    def open(self, name: str) -> int:
        """A directory in the one where the walk is. Raises Linked, or OSError."""
        try:
            return open_at(name, WAY, self.directory)
        except NotADirectoryError:
            status = os.stat(name, dir_fd=self.directory, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                raise
            if status.st_uid != 0 or self.is_below(f"{self._stops[-1].path}/{name}"):
                raise Linked from None
        return open_at(name, WAY, self.directory, follow=True)

    def is_below(self, path: str) -> bool:
        """Whether a path is below the mail root."""
        return path.startswith(f"{self.mail_root}/")

    def find_shut(self, home: AssignedHome) -> str:
        """The first directory on the way that the mail user may not pass through."""
        for stop in self._stops:
            counts = self.delivers or self.is_below(stop.path)
            if counts and not stop.file.lets(home.uid, home.gid, ENTER):
                return stop.path or "/"
        return ""

    def _back_to(self, count: int) -> None:
        while len(self._stops) > count:
            os.close(self._stops.pop().fd)

    def _enter(self, name: str) -> None:
        path, fd = f"{self._stops[-1].path}/{name}", self.open(name)
        self._stops.append(_Stop(path, name, fd, describe(os.fstat(fd))))
