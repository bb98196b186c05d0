"""Traps of a home: its modes, its dot-qmail files, its Maildirs. See qmail-local(8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from qmailpanel.qmail.doctor.assigned_homes import AssignedHome, ExaminedHome
from qmailpanel.qmail.doctor.examined import ENTER, READ, WRITE, File
from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.doctor.forwards import examine_forwards
from qmailpanel.qmail.doctor.instructions import delivers_here, examine_instructions
from qmailpanel.qmail.doctor.vpopmail import examine_boxes
from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

MISSING = Trap(
    gettext_noop(
        "Line %(line)s of users/assign names this home, but it is missing: each message "
        "waits, up to a week, and then bounces."
    ),
    gettext_noop("Make the directory with mode 700 for the mail user, or remove the line."),
)
NOBODY = Trap(
    gettext_noop(
        "Line %(line)s of users/assign leads all mail of %(prepend)s here, and no dot-qmail file "
        "takes it: all of it bounces."
    ),
    gettext_noop("Write .qmail-default with mode 600; vpopmail's hands the mail to vdelivermail."),
    ALARM,
)
NOT_A_HOME = Trap(
    gettext_noop(
        "Line %(line)s of users/assign names this as a home, but it is no directory: each "
        "message waits."
    ),
    gettext_noop("Move it away and make the directory with mode 700 for the mail user."),
)
A_LINK = Trap(
    gettext_noop("A symbolic link is on the way to this home, which the doctor does not follow."),
    gettext_noop("Name the real path in users/assign, to have what is there checked too."),
    NOTE,
)
CLOSED = Trap(
    gettext_noop("The doctor may not look into this home."),
    gettext_noop("Run %(command)s doctor as root to have it checked too."),
    NOTE,
)
SHUT_ABOVE = Trap(
    gettext_noop("uid %(uid)s may not pass through %(above)s: each message waits."),
    gettext_noop("chmod 711 %(above)s."),
)
SHUT = Trap(
    gettext_noop("uid %(uid)s may not enter it (mode %(mode)s): each message waits."),
    gettext_noop("chmod 700 it, and chown it to the mail user."),
)
STICKY = Trap(
    gettext_noop(
        "It has the sticky bit (mode %(mode)s), the sign that somebody edits there: each "
        "message waits."
    ),
    gettext_noop("chmod -t it, when nobody edits there."),
)
WRITABLE = Trap(
    gettext_noop("Everybody may write it (mode %(mode)s): each message waits."),
    gettext_noop("chmod 700 a home, 600 a dot-qmail file."),
)
GROUP_WRITABLE = Trap(
    gettext_noop(
        "Its group may write it (mode %(mode)s): a qmail built with conf-patrn 022 would "
        "let each message wait."
    ),
    gettext_noop("chmod g-w it."),
    NOTE,
)
STRANGERS = Trap(
    gettext_noop(
        "It belongs to uid %(owner)s, who decides what happens to the mail of uid %(uid)s."
    ),
    gettext_noop("chown it to the mail user."),
    NOTE,
)
EXECUTABLE = Trap(
    gettext_noop(
        "Its owner may execute it (mode %(mode)s), so lines that deliver here are not "
        "obeyed: each message waits."
    ),
    gettext_noop("chmod 600 it."),
)
UNREADABLE = Trap(
    gettext_noop("uid %(uid)s may not read it (mode %(mode)s): each message waits."),
    gettext_noop("chmod 600 it, and chown it to the mail user."),
)
NOT_A_FILE = Trap(
    gettext_noop("It is no plain file of up to a megabyte; the doctor did not read it."),
    gettext_noop(
        "Write it anew as a plain file; a directory of that name delivers to what is in it."
    ),
)
NEVER_FOUND = Trap(
    gettext_noop("It is never found: qmail-local looks for names in lower case, with : for dots."),
    gettext_noop("Rename it to %(name)s."),
)
OWNER = Trap(
    gettext_noop(
        "In a virtual domain -owner does not work: the sender of what is forwarded shows "
        "the prepend, and bounces to it are refused."
    ),
    gettext_noop("Remove it; forwards keep the sender they have."),
    NOTE,
)
NO_MAILDIR = Trap(
    gettext_noop("%(part)s of this Maildir is missing: each message waits."),
    gettext_noop("Make cur, new and tmp with mode 700 for the mail user: maildirmake does."),
)
NO_CUR = Trap(
    gettext_noop("cur of this Maildir is missing: mail is stored, but programs may not show it."),
    gettext_noop("Make it with mode 700 for the mail user."),
)
SHUT_MAILDIR = Trap(
    gettext_noop("uid %(uid)s may not write in %(part)s (mode %(mode)s): each message waits."),
    gettext_noop("chmod 700 it, and chown it to the mail user."),
)
NO_LIMIT_MODE = Trap(
    gettext_noop(
        "uid %(uid)s may not read and write it (mode %(mode)s): there is no quota, and "
        "nobody is told."
    ),
    gettext_noop("chmod 600 it, and chown it to the mail user."),
)
NO_LIMIT = Trap(
    gettext_noop("The first line is no limit: %(line)s; there is no quota."),
    gettext_noop("Write bytes and messages, as 50000000S,1000C, and 0S,0C for no limit."),
)
GLUED = Trap(
    gettext_noop(
        "The last line has no newline: what deliverquota adds is glued to it, and then "
        "there is no quota."
    ),
    gettext_noop("Append a newline."),
)
CR = Trap(
    gettext_noop("The first line ends with a carriage return (CR); not every program reads it."),
    gettext_noop("Remove the CRs: sed -i 's/\\r$//'."),
    NOTE,
)
NO_USAGE = Trap(
    gettext_noop("It has a limit, but no usage: mail that is there already is not counted."),
    gettext_noop("Have it counted again, as by doveadm quota recalc; do not just remove it."),
    NOTE,
)
LINKED_MAILDIR = Trap(
    gettext_noop("%(part)s is a symbolic link, which the doctor does not follow."),
    gettext_noop("Name the real path, to have what is there checked too."),
    NOTE,
)
_LIMIT = re.compile(rb"[0-9]{1,18}[SC](?:,[ \t]*[0-9]{1,18}[SC])?[ \t\r]*")


def examine_home(home: ExaminedHome, exists: Callable[[str], bool]) -> Iterator[Finding]:
    """What keeps mail from a home, or from where its dot-qmail files say."""
    assigned, here = home.assigned, home.here
    if home.skipped:
        yield (A_LINK if home.skipped == "link" else CLOSED).at(assigned.path)
    elif home.shut:
        yield SHUT_ABOVE.at(assigned.path, uid=str(assigned.uid), above=home.shut)
    elif here is None:
        yield MISSING.at(assigned.path, line=str(assigned.number))
    elif not here.is_directory:
        yield NOT_A_HOME.at(assigned.path, line=str(assigned.number))
    else:
        yield from _examine_modes(assigned, here)
        if assigned.alone and home.listed and not _takes_any(home.dots):
            number = str(assigned.number)
            yield NOBODY.at(assigned.path, line=number, prepend=assigned.alone)
    yield from examine_boxes(home, exists)
    for name, file in home.dots.items():
        yield from _examine_dot(home, name, file, exists)
    for path, inside in home.maildirs.items():
        text = path.decode("utf-8", "surrogateescape").removeprefix("./").rstrip("/")
        whole = text if text.startswith("/") else f"{assigned.path}/{text}"
        yield from _examine_maildir(assigned, whole, inside.files)


def _takes_any(dots: Iterable[str]) -> bool:
    return any(name.startswith(".qmail-") for name in dots)


def _examine_modes(assigned: AssignedHome, here: File) -> Iterator[Finding]:
    params = {"mode": here.rights, "uid": str(assigned.uid)}
    if here.mode & 0o1000:
        yield STICKY.at(assigned.path, **params)
    if here.mode & 0o002:
        yield WRITABLE.at(assigned.path, **params)
    elif here.mode & 0o020:
        yield GROUP_WRITABLE.at(assigned.path, **params)
    if not here.lets(assigned.uid, assigned.gid, ENTER):
        yield SHUT.at(assigned.path, **params)
    elif here.uid not in (None, 0, assigned.uid):
        yield STRANGERS.at(assigned.path, owner=str(here.uid), **params)


def _examine_dot(
    home: ExaminedHome, name: str, file: File, exists: Callable[[str], bool]
) -> Iterator[Finding]:
    assigned, path = home.assigned, f"{home.assigned.path}/{name}"
    if not file.lets(assigned.uid, assigned.gid, READ):
        yield UNREADABLE.at(path, uid=str(assigned.uid), mode=file.rights)
    elif file.content is None and not file.is_link:
        yield NOT_A_FILE.at(path)
        return
    yield from examine_name(path, name)
    if name.endswith("-owner") and assigned.begins:
        yield OWNER.at(path)
    content = file.content or b""
    yield from _examine_dot_mode(path, file, content)
    own = assigned.own_of(name)
    yield from examine_instructions(path, content, exists, own, home.directories)
    yield from examine_forwards(home, path, content)


def examine_name(path: str, name: str) -> Iterator[Finding]:
    """qmail-local folds the extension and writes colons for dots before it looks."""
    extension = name.removeprefix(".qmail")
    folded = "".join(c.lower() if c.isascii() else c for c in extension).replace(".", ":")
    if folded != extension:
        yield NEVER_FOUND.at(path, name=f".qmail{folded}")


def _examine_dot_mode(path: str, file: File, content: bytes) -> Iterator[Finding]:
    if file.is_link:
        return
    if file.mode & 0o002:
        yield WRITABLE.at(path, mode=file.rights)
    elif file.mode & 0o020:
        yield GROUP_WRITABLE.at(path, mode=file.rights)
    if file.mode & 0o100 and delivers_here(content):
        yield EXECUTABLE.at(path, mode=file.rights)


def _examine_maildir(
    assigned: AssignedHome, path: str, parts: Mapping[str, File]
) -> Iterator[Finding]:
    itself = parts.get(".")
    if itself is None:
        yield NO_MAILDIR.at(path, part=path)
        return
    if itself.is_link:
        yield LINKED_MAILDIR.at(path, part=path)
        return
    uid, gid = assigned.uid, assigned.gid
    if not itself.lets(uid, gid, ENTER):
        yield SHUT_MAILDIR.at(path, uid=str(uid), part=path, mode=itself.rights)
        return
    for part in ("tmp", "new"):
        file = parts.get(part)
        if file is None:
            yield NO_MAILDIR.at(path, part=part)
        elif not file.is_link and not file.lets(uid, gid, WRITE | ENTER):
            yield SHUT_MAILDIR.at(path, uid=str(uid), part=part, mode=file.rights)
    if "cur" not in parts:
        yield NO_CUR.at(path)
    if size := parts.get(maildir.SIZE):
        yield from _examine_size(assigned, f"{path}/{maildir.SIZE}", size)


def _examine_size(assigned: AssignedHome, path: str, size: File) -> Iterator[Finding]:
    if not size.lets(assigned.uid, assigned.gid, READ | WRITE):
        yield NO_LIMIT_MODE.at(path, uid=str(assigned.uid), mode=size.rights)
    if size.content is None:
        return
    first, _, rest = size.content.partition(b"\n")
    limits = re.findall(rb"[1-9][0-9]*", first)
    if not _LIMIT.fullmatch(first):
        yield NO_LIMIT.at(path, 1, line=first)
    elif not size.content.endswith(b"\n"):
        yield GLUED.at(path, size.content.count(b"\n") + 1)
    elif not rest.strip() and limits:
        yield NO_USAGE.at(path, 1)
    if first.endswith(b"\r"):
        yield CR.at(path, 1)
