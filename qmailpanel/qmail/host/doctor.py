"""What the doctor sees of a host: the files that all domains share, programs and processes.

It writes nothing, and needs no lock: what is changed meanwhile is looked at again the next time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from qmailpanel.qmail.doctor import Findings, Seen, examine_shared, shorten
from qmailpanel.qmail.doctor.control_files import DIRECTORIES, EXTRA, NAMES
from qmailpanel.qmail.doctor.machine import QUEUE, TRIGGER
from qmailpanel.qmail.doctor.seen import File, Reader, Sender
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.doctor_homes import examine_homes
from qmailpanel.qmail.host.hup import find_senders
from qmailpanel.qmail.host.look import describe, read_dots
from qmailpanel.qmail.host.map_compiler import is_home_compiled_in
from qmailpanel.qmail.layout.rows import Layout

_READERS = (
    ("qmaild", "qmail-smtpd"),
    ("qmails", "qmail-send"),
    ("qmailr", "qmail-remote"),
    ("alias", "qmail-local"),
)
_PROTECTED = ("/home", "/root", "/run/user")
_COMPILED = ("bin/qmail-newu", "bin/qmail-newmrh", "bin/qmail-send")
_TEMPORARY = tuple(f"{its.path.removesuffix('.cdb')}.tmp" for its in MAPS.values())
_MAPS = tuple(its.path for its in MAPS.values())


def examine_shared_of(layout: Layout, *, whole: bool = False) -> Findings:
    """What is wrong with the shared files and with what runs, with a breath now and then.

    `whole`: each finding, however many there are of a kind.
    """
    with _looked_at(layout.qmail_home) as seen:
        found = examine_shared(seen, _program_finder(seen))
        yield from found if whole else shorten(found)


def examine_homes_of(layout: Layout, *, whole: bool = False, everywhere: bool = True) -> Findings:
    """What is wrong with the homes that users/assign names, likewise.

    `everywhere`: those of users too, and not only those below the mail root.
    """
    with _looked_at(layout.qmail_home) as seen:
        exists = _program_finder(seen)
        found = examine_homes(seen, layout, exists, everywhere=everywhere)
        yield from found if whole else shorten(found)


def glance(layout: Layout) -> tuple[object, ...]:
    """A cheap look: equal as long as nobody touched a file that only the doctor reads.

    Of the files that sync writes only the modes count; who else writes them is seen by sync.
    """
    home, ours = layout.qmail_home, {*map(str, Shared), *_MAPS}
    names = {*(f"control/{name}" for name in NAMES), *DIRECTORIES, *_TEMPORARY, *ours}
    return tuple(_glance(_lstat(f"{home}/{name}"), name in ours) for name in sorted(names))


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _glance(found: os.stat_result | None, is_ours: bool) -> object:
    if found is None:
        return None
    rights = found.st_mode, found.st_uid, found.st_gid
    is_written_by_sync = is_ours or stat.S_ISDIR(found.st_mode)
    return rights if is_written_by_sync else (*rights, found.st_ino, found.st_mtime_ns)


@contextlib.contextmanager
def _looked_at(home: str) -> Iterator[Seen]:
    with contextlib.ExitStack() as stack:
        yield Seen(
            home=home,
            files=dict(_files(home)),
            maps=dict(_maps(home, stack)),
            alias=_alias(home),
            readers=tuple(_readers(home)),
            programs={name: file for name in (QUEUE, TRIGGER) if (file := _stat(home, name))},
            senders=tuple(_senders(home)),
            is_account=_is_account,
            compiled_elsewhere=tuple(_compiled_elsewhere(home)),
            mentions=_mentions(home),
        )


def _files(home: str) -> Iterator[tuple[str, File]]:
    names = [*(f"control/{name}" for name in NAMES), *Shared]
    for name in dict.fromkeys(str(one) for one in names if not one.endswith(".cdb")):
        if file := _read(home, name):
            yield name, file
    for name in (*DIRECTORIES, *_MAPS):
        if file := _stat(home, name):
            yield name, file
    for name in _TEMPORARY:
        if file := _stat(home, name, follow=False):
            yield name, file


def _stat(home: str, name: str, *, follow: bool = True) -> File | None:
    try:
        return describe(os.stat(f"{home}/{name}", follow_symlinks=follow))
    except OSError:
        return None


def _read(home: str, name: str) -> File | None:
    """Leaves the access time alone where it may: it tells when qmail-send read the file."""
    path = f"{home}/{name}"
    for flags in (os.O_NOATIME, 0):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
        except OSError as error:
            if error.errno == errno.EPERM and flags:
                continue
            return _stat(home, name)
        try:
            return _read_open(fd)
        finally:
            os.close(fd)
    return None


def _read_open(fd: int) -> File:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        return describe(found)
    with open(fd, "rb", closefd=False) as file:
        return describe(found, file.read())


def _maps(home: str, stack: contextlib.ExitStack) -> Iterator[tuple[Shared, AnyMap | None]]:
    for shared, its in MAPS.items():
        try:
            file = open(f"{home}/{its.path}", "rb")  # noqa: SIM115 - the stack closes it
            yield shared, AnyMap(stack.enter_context(file))
        except (OSError, ValueError):
            yield shared, None


def _alias(home: str) -> dict[str, File] | None:
    """Whose owner is not trusted: nothing there is followed."""
    try:
        fd = os.open(f"{home}/alias", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return read_dots(fd, whole=True)
    finally:
        os.close(fd)


def _readers(home: str) -> Iterator[Reader]:
    for user, program in _READERS:
        if os.path.exists(f"{home}/bin/{program}"):
            with contextlib.suppress(KeyError):
                found = pwd.getpwnam(user)
                yield Reader(user, program, found.pw_uid, found.pw_gid)


def _is_account(name: str) -> bool:
    """Whether qmail-getpw(8) takes it for a user: not root, and the owner of his home."""
    try:
        found = pwd.getpwnam(name)
        if found.pw_uid == 0 or _is_hidden(found.pw_dir):
            return found.pw_uid != 0
        return os.stat(found.pw_dir).st_uid == found.pw_uid
    except (KeyError, OSError, ValueError):
        return False


def _is_hidden(path: str) -> bool:
    """Whether the supervisor keeps homes from us. See ProtectHome in systemd.exec(5)."""
    top = next((one for one in _PROTECTED if path.startswith(f"{one}/")), "")
    try:
        return bool(top) and not os.listdir(top)
    except OSError:
        return True


def _senders(home: str) -> Iterator[Sender]:
    for pid in find_senders(home):
        yield Sender(_path_of(pid), tuple(_behind(home)))


def _path_of(pid: int) -> str | None:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    if not variables:
        return None  # it is just starting
    found = (one[5:] for one in variables.split(b"\0") if one.startswith(b"PATH="))
    return os.fsdecode(next(found, b""))


def _behind(home: str) -> Iterator[str]:
    """The files that qmail-send reads on HUP, and whose reading would show. See mount(8)."""
    for name in ("control/virtualdomains", "control/locals"):
        file = _stat(home, name)
        is_unread = file is not None and file.read_ns < file.written_ns
        if is_unread and not os.statvfs(f"{home}/{name}").f_flag & os.ST_NOATIME:
            yield name


def _compiled_elsewhere(home: str) -> Iterator[str]:
    for name in _COMPILED:
        path = Path(home, name)
        if os.access(path, os.R_OK) and not is_home_compiled_in(path, home):
            yield name


def _mentions(home: str) -> frozenset[str] | None:
    """Plain qmail has these names nowhere; a patched one has them as they are."""
    try:
        program = Path(home, "bin/qmail-smtpd").read_bytes()
    except OSError:
        return None
    stems = {name: name.rpartition("/")[2].removesuffix(".cdb").encode() for name in EXTRA}
    return frozenset(name for name, stem in stems.items() if stem in program)


def _program_finder(seen: Seen) -> Callable[[str], bool]:
    """Whether qmail-local could run a program; what cannot be known is there."""
    paths = (sender.path for sender in seen.senders if sender.path)
    path = next(paths, f"{seen.home}/bin:/usr/local/bin:/usr/bin:/bin")
    own = f"{seen.home}/bin/"
    is_embedded = not os.path.isdir(own)  # the panel alone: nothing is run there

    @cache
    def exists(word: str) -> bool:
        if "/" in word:
            return not word.startswith("/") or (is_embedded and word.startswith(own)) or _runs(word)
        return is_embedded or _any_runs(f"{place}/{word}" for place in path.split(":"))

    return exists


def _any_runs(paths: Iterable[str]) -> bool:
    return any(_runs(path) for path in paths)


def _runs(path: str) -> bool:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return _is_hidden(path)
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o111)
