"""What a route asks of this host. Nothing below the mail root is trusted: links are followed as
the account itself could, step by step, and no file is read that it could not read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Sequence

from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats import maildir as maildir_format
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.files import open_at, opened, read_file
from qmailpanel.qmail.host.processes import find_arguments
from qmailpanel.qmail.route.ends import readable
from qmailpanel.qmail.route.reader import Account, Found, Unsure

READ, WRITE, SEARCH = 4, 2, 1
LINKS = 40  # as many as Linux follows
LARGEST = 1 << 16  # bytes of a file that is read
HIDDEN = (b"/home", b"/root", b"/run/user", b"/tmp", b"/var/tmp", b"/dev", b"/proc", b"/sys")


class RouteReader:
    """See Reader in qmail/route/reader.py."""

    def __init__(self, home: str, root: str = "", lists: Sequence[Shared] = ()) -> None:
        """`root`: where the panel keeps mail, if it does."""
        self.home = home
        self.roots = {os.fsencode(path) for path in (root, os.path.realpath(root)) if root}
        self.lists = lists
        self._read = dict[str, bytes | None]()
        self.delivers = os.path.exists(f"{home}/bin/qmail-local")

    @property
    def default_delivery(self) -> bytes | None:
        """The argument of the qmail-lspawn that runs; None where none does, or several do."""
        told = {arguments[1] for arguments in find_arguments("qmail-lspawn") if arguments[1:2]}
        return told.pop() if len(told) == 1 else None

    def read(self, name: str) -> bytes | None:
        """Once for the whole route."""
        if name not in self._read:
            try:
                self._read[name] = read_file(f"{self.home}/{name}", follow=True).content
            except FileNotFoundError:
                self._read[name] = None
        return self._read[name]

    def ask(self, name: str, key: bytes) -> bytes | None:
        with opened(f"{self.home}/{name}", follow=True) as (fd, _):
            return cdb.FewOf(fd).find(key)

    def look(self, path: bytes, account: Account, *, read: bool = False) -> Found:
        asker = account if self.delivers else None
        way = _Way(path, asker, self._is_hidden)
        try:
            with way.reached() as fd:
                return _describe(fd, asker, read=read)._replace(is_linked=way.links > 0)
        except OSError as error:
            number = error.errno or errno.EIO
            return Found(number, is_hidden=way.is_hidden, is_linked=way.links > 0)

    def _is_hidden(self, path: bytes) -> bool:
        """The unit of the service keeps it from these, or shows it others than the account sees."""
        own = (os.fsencode(self.home), *self.roots)
        is_ours = any(_is_below(path, one) or _is_below(one, path) for one in own)
        return not is_ours and any(_is_below(path, above) for above in HIDDEN)

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
        if self._is_hidden(path):
            raise Unsure
        try:
            return os.stat(path).st_uid
        except (OSError, ValueError):
            return None


class _Way:
    """To what the account meets at a path. `links`: how many were followed."""

    def __init__(
        self, path: bytes, account: Account | None, hides: Callable[[bytes], bool]
    ) -> None:
        self.path = path
        self.account = account
        self.hides = hides
        self.links = 0
        self.is_hidden = False
        self._where = list[bytes]()

    @contextlib.contextmanager
    def reached(self) -> Iterator[int]:
        """A descriptor that names it. Raises OSError as the account would meet it."""
        fd = _root()
        try:
            ahead = _parts(self.path)
            while ahead:
                _require(os.fstat(fd), self.account, SEARCH)
                there = self._go(ahead.pop(), fd)
                if not stat.S_ISLNK(os.fstat(there).st_mode):
                    os.close(fd)
                    fd = there
                    continue
                target = self._follow(there)
                if target.startswith(b"/"):
                    os.close(fd)
                    fd = _root()
                ahead += _parts(target)
            yield fd
        finally:
            os.close(fd)

    def _go(self, name: bytes, parent: int) -> int:
        if name == b"..":
            del self._where[-1:]
        else:
            self._where.append(name)
        self._require_seen()
        return open_at(os.fsdecode(name), os.O_PATH, parent)

    def _follow(self, link: int) -> bytes:
        self.links += 1
        target = _read_link(link)
        if self.links > LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        self._where = [] if target.startswith(b"/") else self._where[:-1]
        return target

    def _require_seen(self) -> None:
        self.is_hidden = self.hides(b"/" + b"/".join(self._where))
        if self.is_hidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_below(path: bytes, above: bytes) -> bool:
    return path == above or path.startswith(above + b"/")


def _root() -> int:
    return open_at("/", os.O_PATH | os.O_DIRECTORY)


def _parts(path: bytes) -> list[bytes]:
    """The last first."""
    if b"\0" in path:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return [part for part in reversed(path.split(b"/")) if part not in (b"", b".")]


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


def _describe(fd: int, account: Account | None, *, read: bool) -> Found:
    status = os.fstat(fd)
    may_read, may_write, may_enter = (_may(status, account, r) for r in (READ, WRITE, SEARCH))
    found = Found(0, status.st_mode, may_read, may_write, may_enter)
    if not (read and may_read and found.is_plain and status.st_size <= LARGEST):
        return found
    content = read_file(f"/proc/self/fd/{fd}", most=LARGEST, follow=True).content
    return found._replace(content=content)
