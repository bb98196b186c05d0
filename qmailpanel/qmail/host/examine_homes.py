"""What the doctor sees of the homes that users/assign names, where it trusts nobody."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping

from qmailpanel.qmail.doctor import Finding, Findings, examine_home, gather, shorten
from qmailpanel.qmail.doctor.assigned_homes import (
    AssignedHome,
    ExaminedHome,
    ExaminedMaildir,
    find_homes,
)
from qmailpanel.qmail.doctor.examined import ExaminedHost, File
from qmailpanel.qmail.doctor.instructions import find_paths
from qmailpanel.qmail.doctor.mount_points import examine_fstab, examine_mount_points
from qmailpanel.qmail.doctor.vpopmail import is_vpopmail
from qmailpanel.qmail.formats import maildir, vpasswd
from qmailpanel.qmail.host import mounts
from qmailpanel.qmail.host.examine_machine import program_finder
from qmailpanel.qmail.host.examine_shared import read_shared
from qmailpanel.qmail.host.examined_files import (
    WAY,
    describe,
    describe_at,
    may_enter,
    read_at,
    read_dots,
)
from qmailpanel.qmail.host.files import entered, open_at, read_file
from qmailpanel.qmail.host.walk import Linked, Walk
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.pause import Round

HOMES = 50  # between two pauses


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
    root = os.path.realpath(layout.mail_root)
    yield from examine_mount_points(root, mounts.find_mount_points(root))
    yield from _examine_fstab(root)
    homes = yield from find_homes(host)
    exists = program_finder(host)
    delivers = os.path.exists(f"{layout.qmail_home}/bin/qmail-local")
    with contextlib.closing(Walk(layout.mail_root, delivers=delivers)) as walk:
        for count, path in enumerate(sorted(homes), start=1):
            if everywhere or walk.is_below(path):
                yield from examine_home(read_home(walk, homes[path]), exists)
            if count % HOMES == 0:
                yield None


def _examine_fstab(root: str) -> Iterator[Finding]:
    with contextlib.suppress(OSError):
        content = read_file(mounts.FSTAB, follow=True).content
        yield from examine_fstab(mounts.FSTAB, content, root, mounts.is_mounted)


def read_home(walk: Walk, home: AssignedHome) -> ExaminedHome:
    """A home with its dot-qmail files and the Maildirs they deliver to."""
    *above, name = home.path.split("/")[1:]
    try:
        walk.go(above)
        if shut := walk.find_shut(home):
            return ExaminedHome(home, None, shut=shut)
        return _read_here(walk, home, name)
    except Linked:
        return ExaminedHome(home, None, skipped="link")
    except PermissionError:
        shut = walk.find_shut(home)
        return ExaminedHome(home, None, shut=shut, skipped="" if shut else "closed")
    except OSError:
        return ExaminedHome(home, None)


def _read_here(walk: Walk, home: AssignedHome, name: str) -> ExaminedHome:
    file = describe_at(walk.directory, name)
    if file is None or not (file.is_directory or file.is_link):
        return ExaminedHome(home, file)
    fd = walk.open(name)
    try:
        here, is_open = describe(os.fstat(fd)), may_enter(fd)
        dots = _read_dots(fd, home) if is_open else {}
        boxes = read_at(fd, vpasswd.NAME) if _is_vpopmail(dots) else None
        paths = [path for dot in dots.values() for path in find_paths(dot.content or b"")]
        box_dots = dict(_read_boxes(fd, home.path, boxes))
        paths += [os.fsencode(f"./{box}/Maildir/") for box in box_dots]
        inside = _read_paths(walk, fd, dict.fromkeys(paths))
        listed = is_open and os.access(".", os.R_OK, dir_fd=fd)
        return ExaminedHome(home, here, dots, *inside, boxes, box_dots, listed=listed)
    finally:
        os.close(fd)


def _is_vpopmail(dots: Mapping[str, File]) -> bool:
    return any(is_vpopmail(dot.content or b"") for dot in dots.values())


def _read_boxes(home: int, path: str, boxes: File | None) -> Iterator[tuple[str, File | None]]:
    """The homes of vpopmail's mailboxes below this one, from here, and the .qmail of each.

    A home that is missing is made with the first message, a Maildir that is missing is not.
    """
    for box in vpasswd.read_boxes((boxes and boxes.content) or b""):
        below = os.fsdecode(box.home).removeprefix(f"{path}/").rstrip("/")
        names = below.split("/")
        if not below or below.startswith("/") or "\0" in below or ".." in names:
            continue
        with contextlib.suppress(OSError), _opened_below(home, names) as (fd, _):
            if fd is not None:
                yield below, read_at(fd, ".qmail") if may_enter(fd) else None


def _read_dots(home: int, assigned: AssignedHome) -> dict[str, File]:
    if assigned.begins:
        with contextlib.suppress(PermissionError), entered(".", home) as fd:
            return read_dots(fd, whole=assigned.plain)
    file = read_at(home, ".qmail")
    return {".qmail": file} if file else {}


def _read_paths(
    walk: Walk, home: int, paths: Iterable[bytes]
) -> tuple[dict[bytes, ExaminedMaildir], dict[bytes, bool]]:
    """The Maildirs, and whether other paths are directories; of paths elsewhere than in the home
    or the mail root nothing is known."""
    maildirs, directories = dict[bytes, ExaminedMaildir](), dict[bytes, bool]()
    for path in paths:
        text = os.fsdecode(path)
        names = [name for name in text.split("/") if name not in ("", ".")]
        if "\0" in text or ".." in names:
            continue
        with contextlib.suppress(OSError), _opened_base(walk, home, text, names) as (base, below):
            if path.endswith(b"/"):
                maildirs[path] = _read_maildir(base, below)
            elif len(below) < 2:  # more might lead over a link
                file = describe_at(base, below[0] if below else ".")
                directories[path] = file is not None and file.is_directory
    return maildirs, directories


@contextlib.contextmanager
def _opened_base(
    walk: Walk, home: int, text: str, names: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Where a path begins, the home or the mail root, and the names below that."""
    if not text.startswith("/"):
        yield home, names
        return
    if not walk.is_below(text):
        raise FileNotFoundError(text)
    fd = open_at(walk.mail_root, WAY, follow=True)
    try:
        yield fd, names[len(walk.mail_root.split("/")) - 1 :]
    finally:
        os.close(fd)


def _read_maildir(base: int, names: list[str]) -> ExaminedMaildir:
    """A Maildir below an open directory, entered name by name."""
    with _opened_below(base, names) as (fd, obstacle):
        if fd is None:
            return ExaminedMaildir({".": obstacle} if obstacle and obstacle.is_link else {})
        return ExaminedMaildir({".": describe(os.fstat(fd)), **_read_parts(fd)})


@contextlib.contextmanager
def _opened_below(base: int, names: list[str]) -> Iterator[tuple[int | None, File | None]]:
    """A directory; None where something else is on the way, and what that is."""
    fd = os.dup(base)
    try:
        for name in names:
            file = describe_at(fd, name)
            if file is None or not file.is_directory:
                yield None, file
                return
            inner = open_at(name, WAY, fd)
            os.close(fd)
            fd = inner
        yield fd, None
    finally:
        os.close(fd)


def _read_parts(fd: int) -> dict[str, File]:
    if not may_enter(fd):
        return {}
    parts = {name: describe_at(fd, name) for name in maildir.DIRECTORIES}
    parts[maildir.SIZE] = read_at(fd, maildir.SIZE)
    return {name: part for name, part in parts.items() if part}
