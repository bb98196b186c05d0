"""Below the mail root nothing is trusted.

Every directory is opened by descriptor and never through a symbolic link, every file is made
anew under a temporary name, and owner and mode are changed by descriptor only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.plan.state import Bad

TEMPORARY = ".qmailpanel-new"
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST = 131_072
_WORKABLE = stat.S_IFDIR | 0o700
_LOOKED_AT = stat.S_IFMT(0o177777) | 0o702  # the type; the owner may all, others not write


class Hand:
    """Makes files and directories and gives them to the mail user.

    `owner` is None where we may not change owners.
    """

    def __init__(self, owner: MailUser | None) -> None:
        self.owner = owner

    def is_ours(self, found: os.stat_result) -> bool:
        """A directory that qmail-local can work in as the mail user. See qmail-local(8)."""
        if found.st_mode & _LOOKED_AT != _WORKABLE:
            return False
        owner = self.owner
        return owner is None or (found.st_uid == owner.uid and found.st_gid == owner.gid)

    def ensure(self, parent: int, name: str) -> int:
        """A directory of the mail user, made or mended; its descriptor."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        fd = os.open(name, DIRECTORY, dir_fd=parent)
        self.mend(fd)
        return fd

    def mend(self, directory: int) -> None:
        if not self.is_ours(os.fstat(directory)):
            self.own(directory)
            os.fchmod(directory, 0o700)

    def put(self, parent: int, name: str, content: bytes, *, durable: bool = False) -> None:
        """A new file of the mail user, 0600, in the place of whatever has the name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(TEMPORARY, dir_fd=parent)
        fd = os.open(TEMPORARY, _CREATE, 0o600, dir_fd=parent)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(content)
            self.own(fd)
            if durable:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        os.rename(TEMPORARY, name, src_dir_fd=parent, dst_dir_fd=parent)

    def create(self, directory: int, name: str, content: bytes) -> None:
        fd = os.open(name, _CREATE, 0o600, dir_fd=directory)
        try:
            while content:  # a disk that fills up takes a part
                content = content[os.write(fd, content) :]
            self.own(fd)
        finally:
            os.close(fd)

    def create_directory(self, parent: int, name: str) -> None:
        """For a `parent` that only we can enter: by name, which is quicker."""
        os.mkdir(name, 0o700, dir_fd=parent)
        if self.owner is not None:
            uid, gid = self.owner.uid, self.owner.gid
            os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)

    def own(self, fd: int) -> None:
        if self.owner is not None:
            os.fchown(fd, self.owner.uid, self.owner.gid)


@contextlib.contextmanager
def opened(name: str, parent: int | None = None) -> Iterator[int]:
    fd = os.open(name, DIRECTORY, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def last_name(path: str) -> str:
    return path.rpartition("/")[2]


def link_at(directory: int, name: str) -> str | None:
    """Where a symbolic link leads; None where there is none."""
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):
            return None
        raise


def refuse_strangers(directory: int) -> None:
    if os.fstat(directory).st_uid != os.geteuid():
        raise StepFailed("a directory that must be ours belongs to somebody else")


def has_text(directory: int, name: str) -> bool:
    """Whether a plain file of one name is there, and not empty."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size > 0


def look_at(directory: int, name: str) -> bytes | Bad | None:
    """The content of a plain file of one name; None where there is none."""
    try:
        fd = os.open(name, _READ, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Bad(f"{error.strerror}: not a plain file")
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > _LARGEST:
            return Bad("not a plain file with one name")
        return os.read(fd, _LARGEST)
    finally:
        os.close(fd)


def read_size(inside: int) -> maildir.MaildirSize | None:
    """None where there is no maildirsize that deliverquota would understand."""
    content = look_at(inside, maildir.SIZE)
    try:
        return maildir.parse(content) if isinstance(content, bytes) else None
    except maildir.BadMaildirSize:
        return None
