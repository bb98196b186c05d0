"""What the doctor sees of a machine: the users, programs and processes of qmail."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

from qmailpanel.qmail.doctor import ExaminedHost
from qmailpanel.qmail.doctor.control_files import EXTRA
from qmailpanel.qmail.doctor.examined import Reader, Sender
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.hup import find_senders
from qmailpanel.qmail.host.map_compiler import is_home_compiled_in
from qmailpanel.qmail.host.processes import PROC, find_processes, uid_of

_READERS = (
    ("qmaild", "qmail-smtpd"),
    ("qmails", "qmail-send"),
    ("qmailr", "qmail-remote"),
    ("alias", "qmail-local"),
)
_RUNNING = ("qmaild", "qmaill", "qmails")  # who runs tcpserver, multilog and qmail-send
_PROTECTED = ("/home", "/root", "/run/user")
_COMPILED = ("bin/qmail-newu", "bin/qmail-newmrh", "bin/qmail-send")


def read_readers(home: str) -> Iterator[Reader]:
    """The users of qmail whose programs are here."""
    for user, program in _READERS:
        if os.path.exists(f"{home}/bin/{program}"):
            with contextlib.suppress(KeyError):
                account = pwd.getpwnam(user)
                yield Reader(user, program, account.pw_uid, account.pw_gid)


def is_account(name: str) -> bool:
    """Whether qmail-getpw(8) takes it for a user: not root, and the owner of his home."""
    try:
        account = pwd.getpwnam(name)
        if account.pw_uid == 0 or _is_hidden(account.pw_dir):
            return account.pw_uid != 0
        return os.stat(account.pw_dir).st_uid == account.pw_uid
    except (KeyError, OSError, ValueError):
        return False


def _is_hidden(path: str) -> bool:
    """Whether the supervisor keeps homes from us. See ProtectHome in systemd.exec(5)."""
    top = next((one for one in _PROTECTED if path.startswith(f"{one}/")), "")
    try:
        return bool(top) and not os.listdir(top)
    except OSError:
        return True


def find_services(names: Collection[bytes], proc: Path = PROC) -> Iterator[Path]:
    """The processes called so that root, a user of qmail or we ourselves run."""
    return find_processes(names, map(uid_of, _RUNNING), proc)


def read_senders(home: str) -> Iterator[Sender]:
    """The processes of qmail-send that serve this home."""
    for pid in find_senders(home):
        yield Sender(_path_of(pid), tuple(_find_unread(home)))


def _path_of(pid: int) -> str | None:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    if not variables:
        return None  # it is just starting
    paths = (one[5:] for one in variables.split(b"\0") if one.startswith(b"PATH="))
    return os.fsdecode(next(paths, b""))


def _find_unread(home: str) -> Iterator[str]:
    """The files that qmail-send reads on HUP, and whose reading would show. See mount(8)."""
    for name in ("control/virtualdomains", "control/locals"):
        with contextlib.suppress(OSError):
            status = os.stat(f"{home}/{name}")
            is_unread = status.st_atime_ns < status.st_mtime_ns
            if is_unread and not os.statvfs(f"{home}/{name}").f_flag & os.ST_NOATIME:
                yield name


def find_addresses() -> Iterator[bytes]:
    """The IPv4 addresses of this machine, as its kernel routes them."""
    with contextlib.suppress(OSError):
        table = Path("/proc/net/fib_trie").read_bytes()
        yield from re.findall(rb"\|-- (\S+)\n\s+/32 host LOCAL\n", table)


def find_compiled_elsewhere(home: str) -> Iterator[str]:
    """The programs that have another qmail home compiled in."""
    for name in _COMPILED:
        path = Path(home, name)
        if os.access(path, os.R_OK) and not is_home_compiled_in(path, home):
            yield name


def find_mentions(home: str) -> frozenset[str] | None:
    """Plain qmail has these names nowhere; a patched one has them as they are.

    The combined patch has `control/validrcptto` too, but as the text: the one cdb or the other.
    """
    try:
        program = Path(home, "bin/qmail-smtpd").read_bytes()
    except OSError:
        return None
    stems = {name: name.rpartition("/")[2].removesuffix(".cdb").encode() for name in EXTRA}
    mentions = {name for name, stem in stems.items() if stem in program}
    if MAPS[Shared.MORE_VALID].path in mentions:
        mentions.discard(MAPS[Shared.VALID].path)
    return frozenset(mentions)


def program_finder(host: ExaminedHost) -> Callable[[str], bool]:
    """Whether qmail-local could run a program; what cannot be known is there."""
    paths = (sender.path for sender in host.senders if sender.path)
    path = next(paths, f"{host.home}/bin:/usr/local/bin:/usr/bin:/bin")
    own = f"{host.home}/bin/"
    is_embedded = not os.path.isdir(own)  # the panel alone: nothing is run there

    @cache
    def exists(word: str) -> bool:
        if "/" in word:
            return not word.startswith("/") or (is_embedded and word.startswith(own)) or _runs(word)
        return is_embedded or _any_runs(f"{directory}/{word}" for directory in path.split(":"))

    return exists


def _any_runs(paths: Iterable[str]) -> bool:
    return any(_runs(path) for path in paths)


def _runs(path: str) -> bool:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return _is_hidden(path)
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & 0o111)
