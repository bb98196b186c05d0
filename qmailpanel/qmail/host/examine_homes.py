"""What the doctor sees of the homes that users/assign names.

Nobody is trusted there: directories are entered name by name, no symbolic link is followed but
root's own outside the mail root, and only plain files of one name and some size are read. One
descriptor for each directory on the way; the next home goes on from where the last one was.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from qmailpanel.qmail.doctor import ExaminedHost, Finding, Findings, examine_home, gather, shorten
from qmailpanel.qmail.doctor.assigned_homes import (
    AssignedHome,
    ExaminedHome,
    ExaminedMaildir,
    find_homes,
)
from qmailpanel.qmail.doctor.examined import ENTER, File
from qmailpanel.qmail.doctor.instructions import find_paths
from qmailpanel.qmail.host.examine_machine import program_finder
from qmailpanel.qmail.host.examine_shared import read_shared
from qmailpanel.qmail.host.examined_files import (
    WAY,
    describe,
    file_at,
    look_at_box,
    may_enter,
    read_dots,
    stat_at,
)
from qmailpanel.qmail.host.files import entered, open_at
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.pause import Round

HOMES = 50  # between two pauses


class Linked(Exception):
    """A symbolic link is on the way."""


def examine_homes_of(
    layout: Layout, *, whole: bool = False, everywhere: bool = True
) -> Round[list[Finding]]:
    """What is wrong with the homes that users/assign names.

    `whole`: each finding, however many there are of a kind. `everywhere`: those of users too, and
    not only those below the mail root.
    """
    with read_shared(layout.qmail_home) as host:
        findings = _examine_homes(host, layout, everywhere=everywhere)
        return (yield from gather(findings if whole else shorten(findings)))


def _examine_homes(host: ExaminedHost, layout: Layout, *, everywhere: bool) -> Findings:
    """Each home once, in the order of their paths: those of one directory follow each other."""
    homes = yield from find_homes(host)
    exists = program_finder(host)
    delivers = os.path.exists(f"{layout.qmail_home}/bin/qmail-local")
    with contextlib.closing(Walk(layout.mail_root, delivers=delivers)) as walk:
        for count, path in enumerate(sorted(homes), start=1):
            if everywhere or path.startswith(f"{walk.mail_root}/"):
                yield from examine_home(walk.read_home(homes[path]), exists)
            if count % HOMES == 0:
                yield None


@dataclass
class _Stop:
    """A directory on the way that is open."""

    path: str
    name: str
    fd: int
    file: File


class Walk:
    """From home to home. `delivers`: a qmail delivers here, so the way to the mail root counts."""

    def __init__(self, mail_root: str, *, delivers: bool) -> None:
        self.mail_root = mail_root.rstrip("/")
        self.delivers = delivers
        top = open_at("/", WAY)
        self.stops = [_Stop("", "", top, describe(os.fstat(top)))]

    def close(self) -> None:
        """The descriptors."""
        self._back_to(0)

    def read_home(self, named: AssignedHome) -> ExaminedHome:
        """A home with its dot-qmail files and the Maildirs they deliver to."""
        *above, name = named.path.split("/")[1:]
        try:
            self._go(above)
            if shut := self._shut(named):
                return ExaminedHome(named, None, shut=shut)
            return self._read_home(named, name)
        except Linked:
            return ExaminedHome(named, None, unseen="link")
        except PermissionError:
            shut = self._shut(named)
            return ExaminedHome(named, None, shut=shut, unseen="" if shut else "closed")
        except OSError:
            return ExaminedHome(named, None)

    def _go(self, names: list[str]) -> None:
        same = 0
        for stop, name in zip(self.stops[1:], names, strict=False):
            if stop.name != name:
                break
            same += 1
        self._back_to(same + 1)
        for name in names[same:]:
            self._enter(name)

    def _back_to(self, count: int) -> None:
        while len(self.stops) > count:
            os.close(self.stops.pop().fd)

    def _enter(self, name: str) -> None:
        parent = self.stops[-1]
        fd = self._open(parent, name)
        self.stops.append(_Stop(f"{parent.path}/{name}", name, fd, describe(os.fstat(fd))))

    def _open(self, parent: _Stop, name: str) -> int:
        try:
            return open_at(name, WAY, parent.fd)
        except NotADirectoryError:
            found = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
            if not stat.S_ISLNK(found.st_mode):
                raise
            if found.st_uid != 0 or self._is_below(f"{parent.path}/{name}"):
                raise Linked from None
        return open_at(name, WAY, parent.fd, follow=True)

    def _is_below(self, path: str) -> bool:
        return path.startswith(f"{self.mail_root}/")

    def _shut(self, named: AssignedHome) -> str:
        """The first directory above the home that the mail user may not pass through."""
        for stop in self.stops:
            counts = self.delivers or self._is_below(stop.path)
            if counts and not stop.file.lets(named.uid, named.gid, ENTER):
                return stop.path or "/"
        return ""

    def _read_home(self, named: AssignedHome, name: str) -> ExaminedHome:
        found = stat_at(self.stops[-1].fd, name)
        if found is None or not (found.is_directory or found.is_link):
            return ExaminedHome(named, found)
        fd = self._open(self.stops[-1], name)
        try:
            here = describe(os.fstat(fd))
            dots = self._read_dots(fd, named) if may_enter(fd) else {}
            paths = {p: None for file in dots.values() for p in find_paths(file.content or b"")}
            boxes, kinds = dict[bytes, ExaminedMaildir](), dict[bytes, bool]()
            for path in paths:
                self._read_place(fd, path, boxes, kinds)
            return ExaminedHome(named, here, dots, boxes, kinds)
        finally:
            os.close(fd)

    @staticmethod
    def _read_dots(home: int, named: AssignedHome) -> dict[str, File]:
        if named.begins:
            with contextlib.suppress(PermissionError), entered(".", home) as fd:
                return read_dots(fd, whole=named.plain)
        file = file_at(home, ".qmail")
        return {".qmail": file} if file else {}

    def _read_place(
        self, home: int, path: bytes, boxes: dict[bytes, ExaminedMaildir], kinds: dict[bytes, bool]
    ) -> None:
        """Of places elsewhere than in this home or the mail root nothing is known."""
        text = os.fsdecode(path)
        names = [name for name in text.split("/") if name not in ("", ".")]
        if "\0" in text or ".." in names:
            return
        try:
            with self._base(home, text, names) as (base, below):
                if path.endswith(b"/"):
                    boxes[path] = look_at_box(base, below)
                elif len(below) < 2:  # more might lead over a link
                    found = stat_at(base, below[0] if below else ".")
                    kinds[path] = found is not None and found.is_directory
        except OSError:
            return

    @contextlib.contextmanager
    def _base(self, home: int, text: str, names: list[str]) -> Iterator[tuple[int, list[str]]]:
        if not text.startswith("/"):
            yield home, names
            return
        if not self._is_below(text):
            raise FileNotFoundError(text)
        fd = open_at(self.mail_root, WAY, follow=True)
        try:
            yield fd, names[len(self.mail_root.split("/")) - 1 :]
        finally:
            os.close(fd)
