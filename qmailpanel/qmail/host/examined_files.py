"""Files as the doctor examines them: nothing is followed, and no more than plain files are read."""

from __future__ import annotations

import os

from qmailpanel.qmail.doctor.examined import File
from qmailpanel.qmail.host.files import read_file

WAY = os.O_PATH | os.O_DIRECTORY
LARGEST = 1 << 20


def describe(status: os.stat_result, content: bytes | None = None) -> File:
    """What stat(2) said, as plain data; owners where they are the panel's business."""
    counts = os.geteuid() == 0
    return File(
        mode=status.st_mode,
        uid=status.st_uid if counts else None,
        gid=status.st_gid if counts else None,
        read_ns=status.st_atime_ns,
        written_ns=status.st_mtime_ns,
        content=content,
    )


def describe_at(directory: int, name: str) -> File | None:
    """Whatever has that name, unread."""
    try:
        return describe(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_at(directory: int, name: str) -> File | None:
    """A plain file of one name with its content; of anything else what it is."""
    try:
        file = read_file(name, directory, most=LARGEST)
    except FileNotFoundError:
        return None
    except OSError:
        return describe_at(directory, name)
    return describe(file.status, file.content if file.status.st_nlink == 1 else None)


def read_dots(directory: int, *, whole: bool) -> dict[str, File]:
    """The dot-qmail files of an open directory. `whole`: `.qmail` itself too."""
    with os.scandir(directory) as entries:
        names = sorted(e.name for e in entries if e.name.startswith(".qmail-"))
    files = {name: read_at(directory, name) for name in ([".qmail"] if whole else []) + names}
    return {name: file for name, file in files.items() if file}


def may_enter(directory: int) -> bool:
    """Whether we ourselves may look at what is in it."""
    return os.access(".", os.X_OK, dir_fd=directory)
