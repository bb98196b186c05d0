"""Destroying what is in the archive: the only place where mail goes for good.

A home is given another name first, so that what is half gone is never restored. Then it is taken
apart from the top: what lies in a directory is unlinked, a directory within is moved up beside it.
So no more than two directories are open however deep it goes, nothing is followed, and nothing
outside is reached.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator

from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.archive import ARCHIVE, entered_archive
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.host.files import entered, require_directory
from qmailpanel.qmail.pause import Round

_ENTRIES = 200  # between two pauses
_TURNS = 1000  # each takes one level of directories, or what came meanwhile


def find_archived(base: int, mailboxes: frozenset[int]) -> frozenset[int]:
    """Those of the mailboxes of which something is in the archive there, or may be."""
    try:
        with entered(ARCHIVE, base) as archive:
            return frozenset(m for m in mailboxes if any(_is_there(archive, n) for n in _names(m)))
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return mailboxes  # the step will say what is wrong


def purge_home(base: int, mailbox: int) -> Round[None]:
    """Destroy the home of a mailbox that is archived there."""
    with entered_archive(base) as archive:
        name, doomed = _names(mailbox)
        yield from _destroy(archive, doomed)  # of a run that was cut
        if _is_there(archive, name):
            require_directory(name, archive)
            libc.rename_new(archive, name, archive, doomed)
            yield from _destroy(archive, doomed)


def _names(mailbox: int) -> tuple[str, str]:
    """In the archive, and while it is taken apart."""
    return str(mailbox), f".purging-{mailbox}"


def _is_there(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _destroy(archive: int, name: str) -> Round[None]:
    if _is_there(archive, name):
        with entered(name, archive) as top:
            yield from _empty(top)
        os.rmdir(name, dir_fd=archive)


def _empty(top: int) -> Round[None]:
    fresh = (f".up-{number}" for number in itertools.count())
    for _ in range(_TURNS):
        names = os.listdir(top)
        if not names:
            return
        for name in names:
            if not _unlink(top, name):
                yield from _take_apart(top, name, fresh)
    raise StepFailed("it is very deep, or somebody keeps writing into it")


def _unlink(directory: int, name: str) -> bool:
    """Whether it is gone; False for a directory."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        return False
    return True


def _take_apart(top: int, name: str, fresh: Iterator[str]) -> Round[None]:
    """One directory within `top`; those within it are moved up."""
    with entered(name, top) as directory:
        if os.fstat(directory).st_dev != os.fstat(top).st_dev:
            raise StepFailed("another file system is mounted in it")
        with os.scandir(directory) as entries:
            for number, entry in enumerate(entries, 1):
                if not _unlink(directory, entry.name):
                    _move_up(directory, entry.name, top, fresh)
                if number % _ENTRIES == 0:
                    yield
    try:
        os.rmdir(name, dir_fd=top)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:  # somebody wrote into it: the next turn takes that
            raise


def _move_up(directory: int, name: str, top: int, fresh: Iterator[str]) -> None:
    for to in fresh:
        with contextlib.suppress(FileExistsError):
            libc.rename_new(directory, name, top, to)
            return
