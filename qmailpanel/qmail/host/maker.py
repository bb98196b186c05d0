"""What is made below the mail root belongs to the mail user."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from qmailpanel.qmail.host.files import File, Rights, entered, opened, put, read_plain_file
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.plan.state import Bad

_WORKABLE = stat.S_IFDIR | 0o700
_READABLE = stat.S_IFREG | 0o600  # with x, qmail-local would only forward
_LOOKED_AT = stat.S_IFMT(0o177777) | 0o702  # the type, what the owner may, whether others write


class Maker:
    """Makes files and directories of the mail user.

    `owner` is None where we may not change owners.
    """

    def __init__(self, owner: MailUser | None) -> None:
        self.owner = owner
        ids = (owner.uid, owner.gid) if owner else (-1, -1)
        self.of_file = Rights(0o600, *ids)
        self.of_directory = Rights(0o700, *ids)

    def is_workable(self, status: os.stat_result) -> bool:
        """A directory that qmail-local can work in as the mail user. See qmail-local(8)."""
        return status.st_mode & _LOOKED_AT == _WORKABLE and self._owns(status)

    def is_readable(self, status: os.stat_result) -> bool:
        """A file that programs of the mail user can use. See dot-qmail(5)."""
        return status.st_mode & _LOOKED_AT == _READABLE and self._owns(status)

    def _owns(self, status: os.stat_result) -> bool:
        owner = self.owner
        return owner is None or (status.st_uid == owner.uid and status.st_gid == owner.gid)

    def read(self, name: str, parent: int) -> tuple[bytes | Bad | None, bool]:
        """What a file says, None where there is none, and whether the mail user can read it."""
        file = read_plain_file(name, parent)
        if not isinstance(file, File):
            return file, True
        return file.content, self.is_readable(file.status)

    @contextlib.contextmanager
    def ensured(self, name: str, parent: int) -> Iterator[int]:
        """A directory, made or mended, and entered."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        with entered(name, parent) as directory:
            self.mend(directory)
            yield directory

    def mend(self, directory: int) -> None:
        if not self.is_workable(os.fstat(directory)):
            self.of_directory.give(directory)

    def mend_file(self, name: str, parent: int) -> None:
        """It stays the same file: programs of the mail user write into it meanwhile."""
        with opened(name, parent) as (fd, status):
            if status.st_nlink == 1 and not self.is_readable(status):
                self.of_file.give(fd)

    def put(self, name: str, parent: int, content: bytes, *, durable: bool = False) -> None:
        """A new file in the place of whatever has the name."""
        put(name, parent, content, self.of_file, durable=durable)

    def create_directory(self, name: str, parent: int) -> None:
        """For a `parent` that only we can enter: by name, which is quicker."""
        os.mkdir(name, 0o700, dir_fd=parent)
        if self.owner is not None:
            uid, gid = self.owner.uid, self.owner.gid
            os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
