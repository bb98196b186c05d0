"""What the doctor sees of the files that all domains share.

It writes nothing, and needs no lock: what is changed meanwhile is seen in the next round.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from itertools import chain

from qmailpanel.qmail.doctor import ExaminedHost, Finding, examine_shared, gather, shorten
from qmailpanel.qmail.doctor.control_files import DIRECTORIES, NAMES
from qmailpanel.qmail.doctor.examined import File
from qmailpanel.qmail.doctor.machine import QUEUE, TRIGGER
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.examine_logins import examine_logins_of
from qmailpanel.qmail.host.examine_logs import read_logs
from qmailpanel.qmail.host.examine_machine import (
    find_addresses,
    find_compiled_elsewhere,
    find_mentions,
    is_account,
    program_finder,
    read_readers,
    read_senders,
)
from qmailpanel.qmail.host.examine_servers import (
    find_foreign_sendmails,
    is_sending,
    read_servers,
)
from qmailpanel.qmail.host.examined_files import describe, read_dots
from qmailpanel.qmail.host.files import entered, opened, read_file
from qmailpanel.qmail.host.processes import uid_of
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.pause import Round

_TEMPORARY = tuple(f"{its.path.removesuffix('.cdb')}.tmp" for its in MAPS.values())
_MAPS = tuple(its.path for its in MAPS.values())


def examine_shared_of(layout: Layout, *, whole: bool = False) -> Round[list[Finding]]:
    """What is wrong with the shared files and with what runs.

    `whole`: each finding, however many there are of a kind.
    """
    with read_shared(layout.qmail_home) as host:
        shared = examine_shared(host, program_finder(host))
        findings = chain(shared, examine_logins_of(layout))
        return (yield from gather(findings if whole else shorten(findings)))


def stamp_of_files(layout: Layout) -> tuple[object, ...]:
    """Cheap, and equal as long as nobody touched a file that only the doctor reads.

    Of the files that sync writes only the modes count; who else writes them is seen by sync.
    """
    home, ours = layout.qmail_home, {*map(str, Shared), *_MAPS}
    names = {*(f"control/{name}" for name in NAMES), *DIRECTORIES, *_TEMPORARY, *ours}
    return tuple(_stamp_of_file(f"{home}/{name}", name in ours) for name in sorted(names))


def _stamp_of_file(path: str, is_ours: bool) -> object:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    rights = status.st_mode, status.st_uid, status.st_gid
    is_written_by_sync = is_ours or stat.S_ISDIR(status.st_mode)
    return rights if is_written_by_sync else (*rights, status.st_ino, status.st_mtime_ns)


@contextlib.contextmanager
def read_shared(home: str) -> Iterator[ExaminedHost]:
    """What the doctor examines; the compiled files are open meanwhile."""
    with contextlib.ExitStack() as stack:
        senders = tuple(read_senders(home))
        yield ExaminedHost(
            home=home,
            files=dict(_read_files(home)),
            maps=dict(_open_maps(home, stack)),
            alias=_read_alias(home),
            readers=tuple(read_readers(home)),
            programs={name: file for name in (QUEUE, TRIGGER) if (file := _stat(home, name))},
            senders=senders,
            logs=tuple(read_logs()) if senders else (),
            is_account=is_account,
            uid_of=uid_of,
            is_sending=is_sending(home),
            servers=tuple(read_servers(home)),
            foreign_sendmails=tuple(find_foreign_sendmails(home)),
            addresses=frozenset(find_addresses()),
            compiled_elsewhere=tuple(find_compiled_elsewhere(home)),
            mentions=find_mentions(home),
        )


def _read_files(home: str) -> Iterator[tuple[str, File]]:
    names = [*(f"control/{name}" for name in NAMES), *Shared]
    for name in dict.fromkeys(str(one) for one in names if not one.endswith(".cdb")):
        if file := _read_file(home, name):
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


def _read_file(home: str, name: str) -> File | None:
    try:
        file = read_file(f"{home}/{name}", follow=True)
    except OSError:
        return _stat(home, name)
    return describe(file.status, file.content)


def _open_maps(home: str, stack: contextlib.ExitStack) -> Iterator[tuple[Shared, AnyMap | None]]:
    for shared, its in MAPS.items():
        try:
            fd, _ = stack.enter_context(opened(f"{home}/{its.path}", follow=True))
            yield shared, AnyMap(fd)
        except (OSError, ValueError):
            yield shared, None


def _read_alias(home: str) -> dict[str, File] | None:
    """Whose owner is not trusted: nothing there is followed."""
    try:
        with entered(f"{home}/alias", follow=True) as alias:
            return read_dots(alias, whole=True)
    except OSError:
        return None
