"""What the doctor sees of the login files; it reads none of them."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from qmailpanel.qmail.doctor import Finding
from qmailpanel.qmail.doctor.examined import File
from qmailpanel.qmail.doctor.login_files import ExaminedLogins, examine_logins
from qmailpanel.qmail.formats.logins import LoginFormat
from qmailpanel.qmail.host.examined_files import describe
from qmailpanel.qmail.host.login_files import READER
from qmailpanel.qmail.layout.rows import Layout


def examine_logins_of(layout: Layout) -> Iterator[Finding]:
    """What is wrong with them where Dovecot lets people in."""
    with contextlib.suppress(KeyError, OSError):
        if layout.dovecot:
            yield from examine_logins(read_logins(layout.logins, pwd.getpwnam(READER)))


def read_logins(directory: str, reader: pwd.struct_passwd) -> ExaminedLogins:
    """Raises FileNotFoundError where there are none."""
    path = Path(os.path.realpath(directory))
    return ExaminedLogins(
        user=reader.pw_name,
        uid=reader.pw_uid,
        groups=os.getgrouplist(reader.pw_name, reader.pw_gid),
        above={str(one): describe(one.stat()) for one in reversed(path.parents)},
        directory={str(path): describe(path.stat())},
        files=dict(_describe_files(path)),
    )


def _describe_files(path: Path) -> Iterator[tuple[str, File]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.endswith(LoginFormat.LINES):
                yield entry.path, describe(entry.stat(follow_symlinks=False))
