"""Where the homes of removed mailboxes are: in an archive on the file system that they are on.

The mail root has one. A directory of a domain that is on a file system of its own has another one,
because a home cannot be renamed from one to the other.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.host.files import entered, refuse_strangers, require_directory

ARCHIVE = ".archive"


@contextlib.contextmanager
def entered_archive(base: int) -> Iterator[int]:
    """That of the mail root or of a domain's directory, open. FileNotFoundError: it has none."""
    with entered(ARCHIVE, base) as archive:
        refuse_strangers(archive)
        yield archive


def archive_home(root: int, parent: int, name: str, mailbox: int) -> None:
    """Move a home of the domain whose directory is `parent` into its archive."""
    require_directory(name, parent)
    try:
        _move_in(root, parent, name, mailbox)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_in(parent, parent, name, mailbox)


def _move_in(base: int, parent: int, name: str, mailbox: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(ARCHIVE, 0o700, dir_fd=base)
    with entered_archive(base) as archive:
        os.fchmod(archive, 0o700)
        libc.rename_new(parent, name, archive, str(mailbox))


def take_out(archive: int, mailbox: int, parent: int, name: str) -> None:
    """The other way."""
    try:
        libc.rename_new(archive, str(mailbox), parent, name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        raise StepFailed(
            f"its mail, {ARCHIVE}/{mailbox}, is on another file system: copy it into {ARCHIVE} of "
            f"the domain's directory under another name, then rename the copy to {mailbox}"
        ) from error


def is_archived(base: str | int, mailbox: int) -> bool:
    """Quicker than to enter the archive. What is no directory holds no home."""
    path = f"{ARCHIVE}/{mailbox}"
    try:
        if isinstance(base, str):
            os.lstat(f"{base}/{path}")
        else:
            os.lstat(path, dir_fd=base)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise
    return True
