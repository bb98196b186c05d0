"""What the doctor looks at: files of a host as plain data."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.shared_files import Shared

READ, WRITE, ENTER = 4, 2, 1


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a program of qmail runs as, and the program."""

    user: str
    program: str
    uid: int
    gid: int


class File(NamedTuple):
    """A file or directory. `content` is None where it is not a plain file, or was not read.

    `uid` and `gid` are None where owners do not count: the panel may not change them there.
    """

    mode: int
    uid: int | None = None
    gid: int | None = None
    read_ns: int = 0
    written_ns: int = 0
    content: bytes | None = None

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_plain(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def rights(self) -> str:
        """As chmod(1) takes them."""
        return f"{stat.S_IMODE(self.mode):04o}"

    def lets(self, uid: int, gid: int, how: int) -> bool:
        """Whether somebody without further groups may do that with it. See path_resolution(7)."""
        if uid == 0:
            return True
        if self.uid is None or uid == self.uid:
            return self.mode >> 6 & how == how
        return self.mode >> (3 if gid == self.gid else 0) & how == how


@dataclass(frozen=True)
class Sender:
    """A qmail-send that runs on this home: its PATH, None where that cannot be seen.

    `behind`: the control files that it has not read since they were written.
    """

    path: str | None
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptLog:
    """What multilog keeps of qmail-send: `files` files of `size` bytes, and for how many seconds.

    `seconds` is None as long as no file had to go.
    """

    path: str
    size: int
    files: int
    seconds: float | None


@dataclass(frozen=True)
class Server:
    """A tcpserver that runs qmail-smtpd.

    `relays`: the clients for whom its `rules` set RELAYCLIENT, spelled as in tcprules(1).
    `is_relay`: whether its own environment does. `is_recorded`: whether recordio runs before.
    """

    pid: int
    rules: str
    relays: tuple[bytes, ...] = ()
    is_relay: bool = False
    is_recorded: bool = False


@dataclass(frozen=True)
class ExaminedHost:
    """The files of a qmail home that all domains share; those that are missing are absent.

    `maps`: the compiled files, open; None where one cannot be read. `alias`: the dot-qmail files of
    the user alias, None where the host has none. `readers`: those whose programs are here.
    `programs`: path → what stands there. `is_account`: whether the system has a user of that name.
    `logs`: what multilog keeps of qmail-send, if one runs on this home.
    `uid_of`: that of a user, None where there is none. `is_sending`: whether a qmail-send runs,
    None where that is not to be seen. `servers`: who runs qmail-smtpd. `foreign_sendmails`: what
    is called sendmail, and what it is instead of qmail's. `addresses`: where this machine itself
    answers. `mentions`: what qmail-smtpd knows of, among the lists that plain qmail does not read.
    """

    home: str
    files: Mapping[str, File]
    maps: Mapping[Shared, AnyMap | None] = field(default_factory=dict)
    alias: Mapping[str, File] | None = None
    readers: tuple[Reader, ...] = ()
    programs: Mapping[str, File] = field(default_factory=dict)
    senders: tuple[Sender, ...] = ()
    logs: tuple[KeptLog, ...] = ()
    is_account: Callable[[str], bool] = lambda _name: False
    uid_of: Callable[[str], int | None] = lambda _name: None
    is_sending: bool | None = None
    servers: tuple[Server, ...] = ()
    foreign_sendmails: tuple[tuple[str, str], ...] = ()
    addresses: frozenset[bytes] = frozenset()
    compiled_elsewhere: tuple[str, ...] = ()
    mentions: frozenset[str] | None = None

    def text(self, name: str) -> bytes | None:
        """The content of a plain file; None where there is none to read."""
        file = self.files.get(name)
        return file.content if file else None
