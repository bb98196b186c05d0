"""Traps of what runs: the programs of qmail, qmail-send, and the addresses every host must have."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator, Mapping

from qmailpanel.qmail.doctor.assigned_homes import AssignedHome, ExaminedHome
from qmailpanel.qmail.doctor.examined import ExaminedHost, File
from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.doctor.homes import examine_home
from qmailpanel.qmail.doctor.instructions import NO_DOMAIN
from qmailpanel.qmail.doctor.routing import find_locals
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

NO_PATH = Trap(
    gettext_noop(
        "qmail-send runs without %(directory)s in its PATH (%(path)s): dot-qmail lines that "
        "name a program of qmail's without its path let each message wait."
    ),
    gettext_noop(
        "Begin PATH with %(directory)s in the script that runs qmail-start, and restart it."
    ),
)
BEHIND = Trap(
    gettext_noop("qmail-send has not read it since it was written."),
    gettext_noop("Send HUP to qmail-send."),
)
ELSEWHERE = Trap(
    gettext_noop(
        "It was built for another qmail home than %(home)s, and works on the files there."
    ),
    gettext_noop("Set QMAILPANEL_QMAIL_HOME to the home it was built for, or install qmail here."),
)
NO_SETUID = Trap(
    gettext_noop("It is not setuid (mode %(mode)s): no mail can be put into the queue."),
    gettext_noop("chmod 4711 it, and let its owner be qmailq."),
    ALARM,
)
NO_TRIGGER = Trap(
    gettext_noop(
        "It is no fifo that everybody may write (mode %(mode)s): new mail is noticed only "
        "every 25 minutes."
    ),
    gettext_noop("Stop qmail-send, make it with mkfifo, chown it to qmails:qmail, chmod 622 it."),
)
SHORT_LOG = Trap(
    gettext_noop(
        "multilog keeps %(minutes)s minutes of what qmail-send says (s%(size)s n%(count)s): what "
        "became of a message before cannot be told."
    ),
    gettext_noop("Run multilog with s16777215 n20 before the directory, and restart it."),
    NOTE,
)
NOBODY = Trap(
    gettext_noop(
        "Nobody takes the mail of %(local)s at this host's own names: it bounces, and "
        "double bounces vanish."
    ),
    gettext_noop("Write the address of a person into it, as &you@example.org, with mode 644."),
)
QUEUE, TRIGGER = "bin/qmail-queue", "queue/lock/trigger"
HOUR = 3_600  # seconds
EVERY_HOST = ("postmaster", "mailer-daemon", "root")


def examine_machine(host: ExaminedHost, exists: Callable[[str], bool]) -> Iterator[Finding]:
    """Programs and processes, then the files of the user alias."""
    for name in host.compiled_elsewhere:
        yield ELSEWHERE.at(name, home=host.home)
    yield from _examine_programs(host.programs)
    yield from _examine_senders(host)
    yield from _examine_logs(host)
    if host.alias is not None:
        yield from _examine_alias(host, host.alias, exists)


def _examine_programs(programs: Mapping[str, File]) -> Iterator[Finding]:
    queue, trigger = programs.get(QUEUE), programs.get(TRIGGER)
    if queue and not queue.mode & stat.S_ISUID:
        yield NO_SETUID.at(QUEUE, mode=queue.rights)
    if trigger and not (stat.S_ISFIFO(trigger.mode) and trigger.mode & 0o002):
        yield NO_TRIGGER.at(TRIGGER, mode=trigger.rights)


def _examine_senders(host: ExaminedHost) -> Iterator[Finding]:
    directory = f"{host.home}/bin"
    for sender in host.senders:
        if sender.path is not None and directory not in sender.path.split(":"):
            yield NO_PATH.at("qmail-send", directory=directory, path=sender.path)
        for name in sender.behind:
            yield BEHIND.at(name)


def _examine_logs(host: ExaminedHost) -> Iterator[Finding]:
    for log in host.logs:
        if log.seconds is not None and log.seconds < HOUR:
            minutes = str(int(log.seconds / 60))
            yield SHORT_LOG.at(log.path, minutes=minutes, size=str(log.size), count=str(log.files))


def _examine_alias(
    host: ExaminedHost, files: Mapping[str, File], exists: Callable[[str], bool]
) -> Iterator[Finding]:
    content = (host.text("users/assign") or b"").lower()
    if find_locals(host) and ".qmail-default" not in files:
        for local in EVERY_HOST:
            if f".qmail-{local}" not in files and not _is_assigned(local, content):
                yield NOBODY.at(f"alias/.qmail-{local}", local=local)
    alias = next((reader for reader in host.readers if reader.user == "alias"), None)
    if alias:
        assigned = AssignedHome(f"{host.home}/alias", 0, alias.uid, alias.gid)
        findings = examine_home(ExaminedHome(assigned, host.files.get("alias"), files), exists)
        yield from (one for one in findings if one.trap is not NO_DOMAIN)  # names of this host


def _is_assigned(local: str, content: bytes) -> bool:
    names = [f"={local}", *(f"+{local[:length]}" for length in range(len(local) + 1))]
    pattern = "|".join(map(re.escape, names))
    return re.search(f"^(?:{pattern}):".encode(), content, re.MULTILINE) is not None
