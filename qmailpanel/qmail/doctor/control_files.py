"""Traps of control files as files: missing, or closed to the program that reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qmailpanel.qmail.doctor.examined import ENTER, READ, ExaminedHost, Reader
from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

OPEN_RELAY = Trap(
    gettext_noop("It is missing: this host is an open relay and sends on everybody's mail."),
    gettext_noop(
        "Write it with the domains of this host, one on each line; an empty file refuses "
        "all. control/morercpthosts.cdb does not take its place."
    ),
    ALARM,
)
NO_HOME = Trap(
    gettext_noop("There is no qmail in it: nothing of this host was examined."),
    gettext_noop(
        "Set QMAILPANEL_QMAIL_HOME to the home of qmail. Where the panel is installed, "
        "qmailpanel doctor takes it from /etc/qmailpanel/environment."
    ),
    ALARM,
)
NO_ME = Trap(
    gettext_noop(
        "It is missing: qmail-smtpd answers 421 to everybody, and without control/locals "
        "qmail-send does not start."
    ),
    gettext_noop("Write the full name of this host into it."),
    ALARM,
)
EMPTY_ME = Trap(
    gettext_noop("Its first line is empty: this host has no name."),
    gettext_noop("Write the full name of this host into the first line."),
)
NOT_A_FILE = Trap(
    gettext_noop("It is not a plain file, and cannot be read as one."),
    gettext_noop("Remove what stands there, and write the file."),
    ALARM,
)
UNREADABLE = Trap(
    gettext_noop("The doctor may not read it."),
    gettext_noop("Run %(command)s doctor as root to have it checked too."),
    NOTE,
)
CLOSED: Mapping[str, Trap] = {
    "qmail-smtpd": Trap(
        gettext_noop("%(user)s may not read it (mode %(mode)s): qmail-smtpd answers 421 to all."),
        gettext_noop("chmod 644 it. It may have been written with the umask 077."),
        ALARM,
    ),
    "qmail-send": Trap(
        gettext_noop(
            "%(user)s may not read it (mode %(mode)s): qmail-send keeps the old content, "
            "and will not start again after the next stop."
        ),
        gettext_noop("chmod 644 it. It may have been written with the umask 077."),
        ALARM,
    ),
    "qmail-remote": Trap(
        gettext_noop("%(user)s may not read it (mode %(mode)s): all mail to the outside waits."),
        gettext_noop("chmod 644 it. It may have been written with the umask 077."),
    ),
}
SHUT = Trap(
    gettext_noop(
        "%(user)s may not enter it (mode %(mode)s): %(program)s can read none of its files."
    ),
    gettext_noop("chmod 755 it."),
    ALARM,
)
WRITABLE = Trap(
    gettext_noop("Everybody may write it (mode %(mode)s), and so decide where mail goes."),
    gettext_noop("chmod 644 a file, 755 a directory."),
    ALARM,
)
NOT_ASKED = Trap(
    gettext_noop(
        "The qmail-smtpd of this host does not know of it: unknown recipients are "
        "accepted, and bounce later to senders that may be forged."
    ),
    gettext_noop("Use a qmail-smtpd with the patch that reads it, or remove it."),
    NOTE,
)

READ_BY: Mapping[str, Sequence[str]] = {
    "qmail-smtpd": (
        "me", "rcpthosts", "morercpthosts.cdb", "badmailfrom", "databytes", "smtpgreeting",
        "localiphost", "timeoutsmtpd", "rejectnonexist", "validrcptto.cdb",
        "morevalidrcptto.cdb",
    ),
    "qmail-send": (
        "me", "locals", "virtualdomains", "percenthack", "envnoathost", "bouncefrom", "bouncehost",
        "doublebouncehost", "doublebounceto", "queuelifetime", "concurrencylocal",
        "concurrencyremote",
    ),
    "qmail-remote": ("me", "helohost", "smtproutes", "timeoutconnect", "timeoutremote"),
}  # fmt: skip
DIRECTORIES = (".", "control", "users", "alias")
NAMES = tuple(sorted({name for names in READ_BY.values() for name in names}))
EXTRA = (
    "control/rejectnonexist",
    "control/validrcptto.cdb",
    "control/morevalidrcptto.cdb",
)


def examine_control_files(host: ExaminedHost) -> Iterator[Finding]:
    """What is missing, and what is closed to who must read it or open to who must not write."""
    yield from _find_missing(host)
    for name, file in host.files.items():
        if name in DIRECTORIES or file.is_link:
            continue
        if not file.is_plain and not name.endswith(".tmp"):
            yield NOT_A_FILE.at(name)
        elif file.content is None and not name.endswith(("cdb", ".tmp")):
            yield UNREADABLE.at(name)
    for name, file in host.files.items():
        if file.mode & 0o002 and not file.is_link:
            yield WRITABLE.at(name, mode=file.rights)
    for reader in (one for one in host.readers if one.program in READ_BY):
        yield from _examine_reader(host, reader)
    for name in EXTRA:
        if host.mentions is not None and name in host.files and name not in host.mentions:
            yield NOT_ASKED.at(name)


def _find_missing(host: ExaminedHost) -> Iterator[Finding]:
    if not any(name.startswith("control") for name in host.files):
        yield NO_HOME.at(host.home)
        return
    if "control/rcpthosts" not in host.files:
        yield OPEN_RELAY.at("control/rcpthosts")
    if "control/me" not in host.files:
        yield NO_ME.at("control/me")
    elif _is_empty(host.text("control/me")):
        yield EMPTY_ME.at("control/me", 1)


def _is_empty(content: bytes | None) -> bool:
    return content is not None and not content.partition(b"\n")[0].strip()


def _examine_reader(host: ExaminedHost, reader: Reader) -> Iterator[Finding]:
    params = {"user": reader.user, "program": reader.program}
    for name in DIRECTORIES[:2]:
        file = host.files.get(name)
        if file and not file.lets(reader.uid, reader.gid, ENTER):
            yield SHUT.at(name, mode=file.rights, **params)
    for name in READ_BY[reader.program]:
        file = host.files.get(f"control/{name}")
        if file and file.is_plain and not file.lets(reader.uid, reader.gid, READ):
            yield CLOSED[reader.program].at(f"control/{name}", mode=file.rights, **params)
