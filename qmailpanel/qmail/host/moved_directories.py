"""A directory that gets another name, and the link that stands at the old one for a while."""

from __future__ import annotations

import contextlib
import errno
import os

from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.files import read_link, require_directory


def move_directory(parent: int, name: str, to: str) -> None:
    """In one step: a link that leads to itself is swapped with the directory it shall name."""
    if read_link(name, parent) == to:
        return  # a run that was cut came so far
    if read_link(to, parent) in (to, name):
        os.unlink(to, dir_fd=parent)  # of a run that was cut, or of the move the other way
    require_directory(name, parent)
    with contextlib.suppress(OSError):
        os.rmdir(to, dir_fd=parent)  # an empty directory is no obstacle
    os.symlink(to, to, dir_fd=parent)
    try:
        libc.exchange(parent, to, name)
    except OSError as error:
        os.unlink(to, dir_fd=parent)
        if error.errno != errno.EINVAL:
            raise
        libc.rename_new(parent, name, parent, to)  # a file system that cannot exchange
        os.symlink(to, name, dir_fd=parent)


def is_moved(parent: int, name: str, to: str) -> bool:
    """Whether the link of a move stands at the old name. If not, nothing of it is left."""
    if read_link(name, parent) == to:
        return True
    if read_link(to, parent) == to:
        os.unlink(to, dir_fd=parent)
    return False


def drop_link(parent: int, name: str) -> None:
    """Take it away, if it is still one."""
    if read_link(name, parent) is not None:
        os.unlink(name, dir_fd=parent)
