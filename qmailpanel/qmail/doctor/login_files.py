"""Traps between Dovecot and the files by which it lets people in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qmailpanel.qmail.doctor.examined import ENTER, READ, File
from qmailpanel.qmail.doctor.finding import Finding, Trap
from qmailpanel.qmail.names import gettext_noop

WAY_SHUT = Trap(
    gettext_noop(
        "%(user)s may not pass through it (mode %(mode)s): Dovecot lets nobody into any mailbox "
        "of the panel's."
    ),
    gettext_noop("chmod o+x %(file)s."),
)
LOGINS_SHUT = Trap(
    gettext_noop(
        "%(user)s may not enter it (mode %(mode)s): Dovecot lets nobody into any mailbox of the "
        "panel's."
    ),
    gettext_noop("chmod 711 %(file)s; the sync service does so as root."),
)
LOGINS_UNREADABLE = Trap(
    gettext_noop(
        "%(user)s may not read it (mode %(mode)s): Dovecot lets nobody of this domain into the "
        "mailbox."
    ),
    gettext_noop("chgrp dovecot it and chmod 640 it; the sync service does both as root."),
)


@dataclass(frozen=True, slots=True)
class ExaminedLogins:
    """The login files with all directories above them, by their paths, and who reads them."""

    user: str
    uid: int
    groups: Sequence[int]
    above: Mapping[str, File]
    directory: Mapping[str, File]
    files: Mapping[str, File]


def examine_logins(logins: ExaminedLogins) -> Iterator[Finding]:
    """What keeps Dovecot's user from each of them."""
    traps = (
        (logins.above, ENTER, WAY_SHUT),
        (logins.directory, ENTER, LOGINS_SHUT),
        (logins.files, READ, LOGINS_UNREADABLE),
    )
    for files, how, trap in traps:
        for path, file in files.items():
            if not any(file.lets(logins.uid, group, how) for group in logins.groups):
                yield trap.at(path, user=logins.user, mode=file.rights, file=path)
