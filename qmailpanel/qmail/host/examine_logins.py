"""What the doctor sees of the login files; it reads none of them."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from qmailpanel.qmail.doctor import Finding
from qmailpanel.qmail.doctor import login_files as traps
from qmailpanel.qmail.doctor.login_files import ExaminedLogins, LoginReader, examine_logins
from qmailpanel.qmail.formats.logins import LoginFormat, shards_of
from qmailpanel.qmail.host.examined_files import describe
from qmailpanel.qmail.host.login_files import READER
from qmailpanel.qmail.layout.rows import Layout

NO_UID = -1


def examine_logins_of(layout: Layout) -> Iterator[Finding]:
    """What is wrong with them where Dovecot lets people in, and where a group asks for more."""
    with contextlib.suppress(KeyError, OSError):
        if layout.dovecot:
            yield from examine_logins(read_logins(layout.logins, reader_of_lines(READER)))
    with contextlib.suppress(KeyError, OSError):
        yield from examine_logins(read_logins(layout.logins, reader_of_maps(layout.ask_group)))


def reader_of_lines(user: str) -> LoginReader:
    """Raises KeyError where there is no such user."""
    account = pwd.getpwnam(user)
    groups = os.getgrouplist(user, account.pw_gid)
    its = traps.WAY_SHUT, traps.LOGINS_SHUT, traps.LOGINS_UNREADABLE
    return LoginReader(user, account.pw_uid, groups, LoginFormat.LINES, *its)


def reader_of_maps(group: str) -> LoginReader:
    """Raises KeyError where there is no such group: then nobody but root asks."""
    groups = [grp.getgrnam(group).gr_gid]
    its = traps.MAPS_WAY_SHUT, traps.MAPS_SHUT, traps.MAP_UNREADABLE
    return LoginReader(group, NO_UID, groups, LoginFormat.MAP, *its)


def read_logins(directory: str, reader: LoginReader) -> ExaminedLogins:
    """Raises FileNotFoundError where there are none."""
    path = Path(os.path.realpath(directory))
    directories = [path, *(Path(one) for one in _scan(path, shards_of("")) if one.is_dir())]
    files = [one for each in directories for one in _scan(each, reader.format)]
    return ExaminedLogins(
        reader=reader,
        above={str(one): describe(one.stat()) for one in reversed(path.parents)},
        directories={str(one): describe(one.stat()) for one in directories},
        files={one.path: describe(one.stat(follow_symlinks=False)) for one in files},
    )


def _scan(path: Path, ending: str) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return [entry for entry in entries if entry.name.endswith(ending)]
