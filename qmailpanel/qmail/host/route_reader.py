"""What a route asks of this host. Nothing below the mail root is trusted: links are followed as
the account itself could, step by step, and no file is read that it could not read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat
from collections.abc import Iterator, Sequence

from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats import maildir as maildir_format
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.files import open_at, opened, read_file
from qmailpanel.qmail.host.processes import find_arguments
from qmailpanel.qmail.route.ends import readable
from qmailpanel.qmail.route.reader import Account, Found

READ, WRITE, SEARCH = 4, 2, 1
LINKS = 40  # as many as Linux follows
LARGEST = 1 << 20  # bytes of a dot-qmail file


class RouteReader:
    """See Reader in qmail/route/reader.py."""

    def __init__(self, home: str, root: str = "", lists: Sequence[Shared] = ()) -> None:
        """`root`: where the panel keeps mail, if it does."""
        self.home = home
        self.roots = {os.fsencode(path) for path in (root, os.path.realpath(root)) if root}
        self.lists = lists
        self.delivers = os.path.exists(f"{home}/bin/qmail-local")

    @property
    def default_delivery(self) -> bytes | None:
        """The argument of the qmail-lspawn that runs; None where none does, or several do."""
        told = {arguments[1] for arguments in find_arguments("qmail-lspawn") if arguments[1:2]}
        return told.pop() if len(told) == 1 else None

    def read(self, name: str) -> bytes | None:
        try:
            return read_file(f"{self.home}/{name}", follow=True).content
        except FileNotFoundError:
            return None

    def ask(self, name: str, key: bytes) -> bytes | None:
        with opened(f"{self.home}/{name}", follow=True) as (fd, _):
            return cdb.FewOf(fd).find(key)

    def sees(self, home: bytes) -> bool:
        """The service may be kept from homes elsewhere."""
        return any(home.startswith(above + b"/") for above in {os.fsencode(self.home), *self.roots})

    def look(self, path: bytes, account: Account) -> Found:
        try:
            asker = account if self.delivers else None
            with _reached(path, asker) as fd:
                return _describe(fd, asker)
        except OSError as error:
            return Found(error.errno or errno.EIO)

    def holder(self, maildir: bytes) -> str | None:
        above, _, name = maildir.rpartition(b"/")
        domain, _, local = above.rpartition(b"/")
        root, _, domain = domain.rpartition(b"/")
        if root not in self.roots or name != maildir_format.NAME.encode():
            return None
        return readable(local + b"@" + domain)

    def account(self, name: bytes) -> Account | None:
        try:
            found = pwd.getpwnam(os.fsdecode(name))
        except (KeyError, ValueError):
            return None
        home = os.fsencode(found.pw_dir)
        return Account(os.fsencode(found.pw_name), found.pw_uid, found.pw_gid, home)

    def owner(self, path: bytes) -> int | None:
        try:
            return os.stat(path).st_uid
        except (OSError, ValueError):
            return None


@contextlib.contextmanager
def _reached(path: bytes, account: Account | None) -> Iterator[int]:
    """A descriptor that names what the account meets there. Raises OSError as it would."""
    fd, links = _root(), 0
    try:
        ahead = _parts(path)
        while ahead:
            _require(os.fstat(fd), account, SEARCH)
            there = _open(ahead.pop(), fd)
            if not stat.S_ISLNK(os.fstat(there).st_mode):
                os.close(fd)
                fd = there
                continue
            links += 1
            target = _read_link(there)
            if links > LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith(b"/"):
                os.close(fd)
                fd = _root()
            ahead += _parts(target)
        yield fd
    finally:
        os.close(fd)


def _root() -> int:
    return open_at("/", os.O_PATH | os.O_DIRECTORY)


def _parts(path: bytes) -> list[bytes]:
    """The last first."""
    if b"\0" in path:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return [part for part in reversed(path.split(b"/")) if part not in (b"", b".")]


def _open(name: bytes, parent: int) -> int:
    return open_at(os.fsdecode(name), os.O_PATH, parent)


def _read_link(fd: int) -> bytes:
    try:
        return os.readlink(b"", dir_fd=fd)
    finally:
        os.close(fd)


def _require(status: os.stat_result, account: Account | None, right: int) -> None:
    if not _may(status, account, right):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _may(status: os.stat_result, account: Account | None, right: int) -> bool:
    """By owner, group and mode: qmail-lspawn leaves an account no other group.

    None: whoever we are ourselves, where no qmail delivers.
    """
    if account is None:
        return True
    if account.uid == status.st_uid:
        return bool(status.st_mode >> 6 & right)
    if account.gid == status.st_gid:
        return bool(status.st_mode >> 3 & right)
    return bool(status.st_mode & right)


def _describe(fd: int, account: Account | None) -> Found:
    status = os.fstat(fd)
    may_write, may_enter = (_may(status, account, right) for right in (WRITE, SEARCH))
    content = None
    if stat.S_ISREG(status.st_mode) and _may(status, account, READ):
        content = _read(fd)
    return Found(0, status.st_mode, status.st_uid, may_write, may_enter, content)


def _read(fd: int) -> bytes:
    """Raises OSError for more than any dot-qmail file has."""
    return read_file(f"/proc/self/fd/{fd}", most=LARGEST, follow=True).content
