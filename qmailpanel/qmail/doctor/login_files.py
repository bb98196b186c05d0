"""Traps between the login files and who lets people in by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qmailpanel.qmail.doctor.examined import ENTER, READ, File
from qmailpanel.qmail.doctor.finding import Finding, Trap
from qmailpanel.qmail.formats.logins import LoginFormat
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


MAPS_WAY_SHUT = Trap(
    gettext_noop(
        "The group %(user)s may not pass through it (mode %(mode)s): qmail-smtpd can ask for no "
        "password of the panel's, and refuses whoever sends with one."
    ),
    gettext_noop("chmod o+x %(file)s."),
)
MAPS_SHUT = Trap(
    gettext_noop(
        "The group %(user)s may not enter it (mode %(mode)s): qmail-smtpd can ask for no password "
        "of the panel's, and refuses whoever sends with one."
    ),
    gettext_noop("chmod 711 %(file)s; the sync service does so as root."),
)
MAP_UNREADABLE = Trap(
    gettext_noop(
        "The group %(user)s may not read it (mode %(mode)s): qmail-smtpd refuses whoever of this "
        "domain sends with a password."
    ),
    gettext_noop(
        "Restart the sync service, which looks for the group when it starts; as root it gives it "
        "the file. Or chgrp %(user)s it and chmod 640 it."
    ),
)


@dataclass(frozen=True, slots=True)
class LoginReader:
    """Who reads the login files of one format, and what it means where he may not.

    A group has the uid of nobody. `way`, `directory`, `file`: the traps.
    """

    name: str
    uid: int
    groups: Sequence[int]
    format: LoginFormat
    way: Trap
    directory: Trap
    file: Trap


@dataclass(frozen=True, slots=True)
class ExaminedLogins:
    """The login files and all directories above them, by their paths, and who reads them."""

    reader: LoginReader
    above: Mapping[str, File]
    directories: Mapping[str, File]
    files: Mapping[str, File]


def examine_logins(logins: ExaminedLogins) -> Iterator[Finding]:
    """What keeps the reader from each of them."""
    reader = logins.reader
    traps = (
        (logins.above, ENTER, reader.way),
        (logins.directories, ENTER, reader.directory),
        (logins.files, READ, reader.file),
    )
    for files, how, trap in traps:
        for path, file in files.items():
            if not any(file.lets(reader.uid, group, how) for group in reader.groups):
                yield trap.at(path, user=reader.name, mode=file.rights, file=path)
