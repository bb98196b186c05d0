"""Reading, writing and entering without trust: the one place where the host's files are opened.

No link is followed, no fifo waited for and no terminal taken for ours. Only plain files are opened
to be read, and no more of them is read than is sane. Files are made anew, and owner and mode are
given by descriptor. A name is one in `parent`, an open directory, or a path where there is no
parent.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.plan.state import Bad

TEMPORARY = ".qmailpanel-new"
LARGEST = 1 << 30  # bytes: no file of qmail's or ours comes near
LARGEST_OF_STRANGERS = 131_072
AT_ONCE = 131_072
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


class Rights(NamedTuple):
    """Mode and owner of a file or directory; -1 leaves the owner as it is."""

    mode: int
    uid: int = -1
    gid: int = -1

    def give(self, fd: int) -> None:
        if self.uid != -1:
            os.fchown(fd, self.uid, self.gid)
        os.fchmod(fd, self.mode)

    def are_of(self, status: os.stat_result) -> bool:
        """Whether a file or directory has just these."""
        is_owned = self.uid == -1 or (status.st_uid, status.st_gid) == (self.uid, self.gid)
        return is_owned and stat.S_IMODE(status.st_mode) == self.mode

    def without_owner(self) -> Rights:
        """The same for who may not change owners."""
        return Rights(self.mode)


class File(NamedTuple):
    """A plain file: what it says, and what stat(2) says of it."""

    content: bytes
    status: os.stat_result


def open_at(name: str, flags: int, parent: int | None = None, *, follow: bool = False) -> int:
    """A descriptor. `follow`: where root alone can put a link, and may have."""
    safe = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    return os.open(name, flags | safe, 0o600, dir_fd=parent)


# directories


@contextlib.contextmanager
def entered(name: str, parent: int | None = None, *, follow: bool = False) -> Iterator[int]:
    """A directory, open."""
    fd = open_at(name, DIRECTORY, parent, follow=follow)
    try:
        yield fd
    finally:
        os.close(fd)


def require_directory(name: str, parent: int) -> None:
    """Raises OSError for anything else, a link to one included."""
    os.close(open_at(name, DIRECTORY, parent))


def say_no_directory(error: OSError) -> str:
    """Why a directory cannot be entered, and what to do where something else stands there."""
    remedy = "; move it away" if error.errno in (errno.ENOTDIR, errno.ELOOP) else ""
    return f"{error.strerror}: not a directory of ours{remedy}"


def refuse_strangers(directory: int) -> None:
    if os.fstat(directory).st_uid != os.geteuid():
        raise StepFailed("a directory that must be ours belongs to somebody else")


# reading


@contextlib.contextmanager
def opened(
    name: str, parent: int | None = None, *, flags: int = os.O_RDONLY, follow: bool = False
) -> Iterator[tuple[int, os.stat_result]]:
    """A plain file, open, and what stat(2) says of it. Raises OSError for anything else.

    Anything else is not even opened: that alone acts on a device.
    """
    fd = _open_plain(name, flags, parent, follow=follow)
    try:
        yield fd, os.fstat(fd)
    finally:
        os.close(fd)


def _open_plain(name: str, flags: int, parent: int | None, *, follow: bool) -> int:
    place = open_at(name, os.O_PATH, parent, follow=follow)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.ENOTSUP, "Something else than a file", name)
        return _open_quietly(f"/proc/self/fd/{place}", flags)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from None
    finally:
        os.close(place)


def _open_quietly(path: str, flags: int) -> int:
    """The access time says when qmail-send read a file. Leaving it alone is for the owner only."""
    try:
        return open_at(path, flags | os.O_NOATIME, follow=True)
    except PermissionError:
        return open_at(path, flags, follow=True)


def read_file(
    name: str,
    parent: int | None = None,
    *,
    start: int = 0,
    most: int = LARGEST,
    follow: bool = False,
) -> File:
    """A plain file, from `start` on. Raises OSError for anything else, and for one too large."""
    with opened(name, parent, follow=follow) as (fd, status):
        if start:
            os.lseek(fd, start, os.SEEK_SET)
        parts, room, at_once = list[bytes](), most + 1, max(status.st_size - start, 0) + 1
        while part := os.read(fd, min(room, at_once)):
            parts.append(part)
            room -= len(part)
        if not room:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
        return File(b"".join(parts), status)


def says(name: str, content: bytes, parent: int) -> bool:
    """Whether a plain file has just this content; it is not held in memory for that."""
    with opened(name, parent) as (fd, _):
        at = 0
        while part := os.read(fd, AT_ONCE):
            if part != content[at : at + len(part)]:
                return False
            at += len(part)
        return at == len(content)


def read_plain_file(name: str, parent: int) -> File | Bad | None:
    """A file of strangers, if it has one name only; None where there is none.

    What a power cut leaves of a new file may be zeros, which say nothing.
    """
    try:
        file = read_file(name, parent, most=LARGEST_OF_STRANGERS)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Bad(f"{error.strerror}: not a plain file")
    if file.status.st_nlink != 1:
        return Bad("not a plain file with one name")
    return file if file.content.strip(b"\0") else file._replace(content=b"")


def read_plain(name: str, parent: int) -> bytes | Bad | None:
    """What a file of strangers says, if it has one name only; None where there is none."""
    file = read_plain_file(name, parent)
    return file.content if isinstance(file, File) else file


def stat_text(name: str, parent: int) -> os.stat_result | None:
    """Of a plain file of one name that is not empty; None where there is none."""
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    is_text = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size > 0
    return status if is_text else None


def read_link(name: str, parent: int) -> str | None:
    """Where a symbolic link leads; None where there is none."""
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):
            return None
        raise


def inode(name: str, parent: int | None = None) -> int:
    """The identity of what has the name, a link included; 0 where there is nothing."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return 0


# writing


@contextlib.contextmanager
def created(name: str, parent: int | None = None, *, durable: bool = True) -> Iterator[int]:
    """A new file to be filled: whole and, if `durable`, on disk at the end, or gone again."""
    fd = open_at(name, NEW, parent)
    try:
        yield fd
        if durable:
            os.fsync(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=parent)
        raise
    finally:
        os.close(fd)


def create(
    name: str,
    parent: int,
    content: bytes,
    rights: Rights,
    *,
    durable: bool = True,
    second: int | None = None,
) -> None:
    """A new file, written in the given second. The directory is the caller's to sync."""
    with created(name, parent, durable=durable) as fd:
        rest = memoryview(content)
        while rest:  # a disk that fills up takes a part
            rest = rest[os.write(fd, rest) :]
        rights.give(fd)
        if second is not None:
            os.utime(fd, (second, second))


def put(
    name: str,
    parent: int,
    content: bytes,
    rights: Rights,
    *,
    durable: bool = True,
    second: int | None = None,
) -> None:
    """A new file in the place of whatever has the name, in one step."""
    drop(TEMPORARY, parent)
    create(TEMPORARY, parent, content, rights, durable=durable, second=second)
    os.rename(TEMPORARY, name, src_dir_fd=parent, dst_dir_fd=parent)


def drop(name: str, parent: int) -> None:
    """Take a name away, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)
