"""Looking without trust: nothing is followed, and no more than plain files are read."""

from __future__ import annotations

import os

from qmailpanel.qmail.doctor.assigned_homes import ExaminedMaildir
from qmailpanel.qmail.doctor.examined import File
from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.host.files import open_at, read_file

WAY = os.O_PATH | os.O_DIRECTORY
LARGEST = 1 << 20


def describe(found: os.stat_result, content: bytes | None = None) -> File:
    """What stat(2) said, as plain data; owners where they are the panel's business."""
    counts = os.geteuid() == 0
    return File(
        mode=found.st_mode,
        uid=found.st_uid if counts else None,
        gid=found.st_gid if counts else None,
        read_ns=found.st_atime_ns,
        written_ns=found.st_mtime_ns,
        content=content,
    )


def look_at_box(base: int, names: list[str]) -> ExaminedMaildir:
    """A maildir below an open directory, entered name by name."""
    fd = os.dup(base)
    try:
        for name in names:
            found = stat_at(fd, name)
            if found is None or not found.is_directory:
                return ExaminedMaildir({".": found} if found and found.is_link else {})
            inner = open_at(name, WAY, fd)
            os.close(fd)
            fd = inner
        parts = {".": describe(os.fstat(fd))}
        if not may_enter(fd):
            return ExaminedMaildir(parts)
        found_parts = {name: stat_at(fd, name) for name in maildir.DIRECTORIES}
        parts |= {name: part for name, part in found_parts.items() if part}
        if size := file_at(fd, maildir.SIZE):
            parts[maildir.SIZE] = size
        return ExaminedMaildir(parts)
    finally:
        os.close(fd)


def read_dots(directory: int, *, whole: bool) -> dict[str, File]:
    """The dot-qmail files of an open directory. `whole`: `.qmail` itself too."""
    with os.scandir(directory) as entries:
        names = sorted(e.name for e in entries if e.name.startswith(".qmail-"))
    found = {name: file_at(directory, name) for name in [".qmail"] * whole + names}
    return {name: file for name, file in found.items() if file}


def may_enter(directory: int) -> bool:
    """Whether we ourselves may look at what is in it."""
    return os.access(".", os.X_OK, dir_fd=directory)


def stat_at(directory: int, name: str) -> File | None:
    try:
        return describe(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return None


def file_at(directory: int, name: str) -> File | None:
    """A plain file of one name with its content; of anything else what it is."""
    try:
        file = read_file(name, directory, most=LARGEST)
    except FileNotFoundError:
        return None
    except OSError:
        return stat_at(directory, name)
    return describe(file.status, file.content if file.status.st_nlink == 1 else None)
