"""Traps within users/assign. See qmail-users(5) and qmail-newu(8)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import LINES, Finding, Findings, Severity, Trap
from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.names import gettext_noop
from qmailpanel.qmail.numbers import HIGHEST_ID, read_number

ALARM, NOTE = Severity.ALARM, Severity.NOTE
FILE = "users/assign"

NO_END = Trap(
    gettext_noop(
        "No line with a dot ends the file: qmail-newu refuses it, and no change has an effect."
    ),
    gettext_noop("Append a line that is a single dot, then run qmail-newu."),
)
DEAD = Trap(
    gettext_noop(
        "The file ends at line %(end)s, which begins with a dot; this is not read: %(line)s"
    ),
    gettext_noop("Move the line above the dot, or remove it; then run qmail-newu."),
)
EARLY_END = Trap(
    gettext_noop("%(line)s begins with a dot and ends the file; it is no comment."),
    gettext_noop("Let only the last line begin with a dot, and be nothing else."),
    NOTE,
)
NO_RECORD = Trap(
    gettext_noop(
        "This is no assignment: %(line)s; qmail-newu refuses the file, no change has an effect."
    ),
    gettext_noop(
        "Remove it: there are no blank lines and no comments, and each line has seven colons. "
        "Then run qmail-newu."
    ),
)
NO_NAME = Trap(
    gettext_noop("The line has no name: qmail-newu refuses the file, and no change has an effect."),
    gettext_noop("Remove it, then run qmail-newu."),
)
NUL = Trap(
    gettext_noop(
        "The line has a NUL byte: qmail-newu refuses the file, and no change has an effect."
    ),
    gettext_noop("Remove the NUL byte: tr -d '\\0'; then run qmail-newu."),
)
NO_SIGN = Trap(
    gettext_noop(
        "%(line)s begins with neither = nor +; its first byte is dropped, whatever it is."
    ),
    gettext_noop("Begin it with = or +. There are no comments in this file: remove what is one."),
)
BEHIND = Trap(
    gettext_noop("Text stands behind the seventh colon of %(line)s; it is dropped."),
    gettext_noop("End the line at its seventh colon. A CR there comes from the line ends of DOS."),
    NOTE,
)
SECOND = Trap(
    gettext_noop("%(line)s has no effect: line %(other)s has the same name, and the first wins."),
    gettext_noop("Remove the line that is not meant, then run qmail-newu."),
)
TWICE = Trap(
    gettext_noop("%(line)s is there twice, the same as in line %(other)s."),
    gettext_noop("Remove one: who removes only one later is surprised by the other."),
    NOTE,
)
NO_UID = Trap(
    gettext_noop(
        "The uid of %(line)s is root's or no number; each message waits and then bounces."
    ),
    gettext_noop(
        "Write the uid of the mail user as a number. Is there a colon too many before it?"
    ),
)
ROOT_GROUP = Trap(
    gettext_noop("The gid of %(line)s is root's or no number; delivery runs with root's group."),
    gettext_noop("Write the gid of the mail user as a number."),
    ALARM,
)
NO_HOME = Trap(
    gettext_noop("The home of %(line)s is not an absolute path; its mail bounces."),
    gettext_noop("Write the home with its whole path. Is there a colon too many before it?"),
    ALARM,
)
UP = Trap(
    gettext_noop("The home of %(line)s has .. in it, and is used as it is."),
    gettext_noop("Write the path without .."),
    NOTE,
)
NO_BREAK = Trap(
    gettext_noop("%(line)s matches every name that only begins so, as another prepend may."),
    gettext_noop("End the name with a dash, and put a dash between the fifth and sixth colon."),
)
STEALS = Trap(
    gettext_noop("%(line)s takes the mail of %(other)s too, where that has no line of its own."),
    gettext_noop("End the name with a dash, and put a dash between the fifth and sixth colon."),
    ALARM,
)
INHERITS = Trap(
    gettext_noop(
        "The names of %(other)s begin like %(line)s too. When its domain goes, mail of it that "
        "waits in the queue is delivered here, to somebody else; as is mail for a number that "
        "begins so and has no line."
    ),
    gettext_noop(
        "End the name with a dash, and put a dash between the fifth and sixth colon. Where "
        "another program writes it so, let the queue drain before the line goes: qmail-qread."
    ),
)
NO_DASH = Trap(
    gettext_noop(
        "%(line)s has no dash behind the home: its mail for unknown names does not bounce, "
        "and .qmail-default is not asked."
    ),
    gettext_noop("Put a dash between the fifth and the sixth colon, then run qmail-newu."),
)
UPPER = Trap(
    gettext_noop(
        "%(line)s ends with a capital, and never matches: qmail folds all names but this."
    ),
    gettext_noop("Write the name in lower case, then run qmail-newu."),
)
FOREIGN = Trap(
    gettext_noop("The name of %(line)s has letters outside ASCII; it matches these bytes only."),
    gettext_noop("Write names in ASCII; other spellings of the same letters are other names."),
    NOTE,
)

_GOOD = re.compile(
    rb"(?:=[a-z0-9][!-9;-@\[-~]*:[!-9;-~]*:[1-9][0-9]{0,8}:[1-9][0-9]{0,8}:"
    rb"/(?:(?!\.\.)[!-9;-~])*::[!-9;-~]*:\n"
    rb"|\+[a-z0-9][!-9;-@\[-~]*[-+_.]:[!-9;-~]*:[1-9][0-9]{0,8}:[1-9][0-9]{0,8}:"
    rb"/(?:(?!\.\.)[!-9;-~])*:-:[!-9;-~]*:\n)"
)
_BREAKS = re.compile(rb"[^A-Za-z0-9]\Z")


def examine_assign(host: ExaminedHost) -> Findings:
    """Every line that qmail-newu refuses, or reads otherwise than a person would."""
    content = host.text(FILE)
    if content is None:
        return
    lines = control.split_lines(content)
    end = next((at for at, line in enumerate(lines) if line.startswith(b".")), None)
    if end is None:
        yield NO_END.at(FILE, len(lines) or None)
    else:
        yield from _examine_end(lines, end)
    prepends = _find_prepends(host, lines[:end])
    firsts: dict[bytes, tuple[int, bytes]] = {}
    for number, line in enumerate(lines[:end], start=1):
        if not _GOOD.fullmatch(line):
            yield from _examine_line(number, line.removesuffix(b"\n"), prepends)
        yield from _find_second(number, line, firsts)
        if number % LINES == 0:
            yield None


def _examine_end(lines: list[bytes], end: int) -> Iterator[Finding]:
    if lines[end].rstrip(b"\n") != b".":
        yield EARLY_END.at(FILE, end + 1, line=lines[end].rstrip(b"\n"))
    for number, line in enumerate(lines[end + 1 :], start=end + 2):
        if line.strip(b" \t\r\n."):
            yield DEAD.at(FILE, number, end=str(end + 1), line=line.rstrip(b"\n"))


def _find_second(
    number: int, line: bytes, firsts: dict[bytes, tuple[int, bytes]]
) -> Iterator[Finding]:
    first = firsts.setdefault(assign.line_key(line), (number, line))
    if first[0] != number and line.count(b":") >= assign.COLONS:
        same = assign.line_value(first[1]) == assign.line_value(line)
        name = line.partition(b":")[0]
        yield (TWICE if same else SECOND).at(FILE, number, line=name, other=str(first[0]))


def _examine_line(number: int, line: bytes, prepends: Prepends) -> Iterator[Finding]:
    fields = line.split(b":", assign.COLONS)
    if b"\0" in line:
        yield NUL.at(FILE, number)
    elif line.startswith(b":"):
        yield NO_NAME.at(FILE, number)
    elif len(fields) <= assign.COLONS:
        yield NO_RECORD.at(FILE, number, line=line)
    else:
        name, _, uid, gid, home, dash, _, behind = fields
        traps = [*_find_in_name(name, dash), *_find_in_fields(uid, gid, home)]
        for trap in [*traps, *([BEHIND] if behind else [])]:
            yield trap.at(FILE, number, line=name)
        yield from _find_taken(number, name, prepends)


def _find_in_name(name: bytes, dash: bytes) -> Iterator[Trap]:
    if not name.startswith((b"=", b"+")):
        yield NO_SIGN
    if not name.isascii():
        yield FOREIGN
    if not name.startswith(b"+") or len(name) == 1:
        return
    if name[-1:] != name[-1:].lower():
        yield UPPER
    if _BREAKS.search(name) and not dash:
        yield NO_DASH


def _find_taken(number: int, name: bytes, prepends: Prepends) -> Iterator[Finding]:
    """What a wildcard without a break at its end takes that is somebody else's, or will take."""
    if not name.startswith(b"+") or (_BREAKS.search(name) and name != b"+"):
        return
    begin = name[1:].lower()
    stolen, inherited = _that_begin(begin, prepends.bare), _that_begin(begin, prepends.served)
    if name != b"+":  # which is meant for all that have none
        if stolen:
            yield STEALS.at(FILE, number, line=name, other=b", ".join(stolen))
        elif not inherited:
            yield NO_BREAK.at(FILE, number, line=name)
    if inherited:
        yield INHERITS.at(FILE, number, line=name, other=b", ".join(inherited))


def _that_begin(begin: bytes, prepends: Sequence[bytes]) -> list[bytes]:
    """Some of those that begin so, and go on."""
    first = bisect_right(prepends, begin)
    return [p for p in prepends[first : first + 3] if p.startswith(begin)]


def _find_in_fields(uid: bytes, gid: bytes, home: bytes) -> Iterator[Trap]:
    if not is_number(uid):
        yield NO_UID
    if not is_number(gid):
        yield ROOT_GROUP
    if not home.startswith(b"/"):
        yield NO_HOME
    elif b".." in home.split(b"/"):
        yield UP


def is_number(field: bytes) -> bool:
    """A uid or gid that mail may be delivered as."""
    return bool(read_number(field, HIGHEST_ID))


class Prepends(NamedTuple):
    """Those of virtualdomains, in order: with a wildcard of their own in users/assign, or bare."""

    served: Sequence[bytes]
    bare: Sequence[bytes]


def _find_prepends(host: ExaminedHost, lines: Sequence[bytes]) -> Prepends:
    content = host.text("control/virtualdomains") or b""
    entries = [entry for _, entry in control.entries(content) if not control.is_refused(entry)]
    prepends = {entry.partition(b":")[2].lower() for entry in entries}
    wildcards = {line.partition(b":")[0].lower() for line in lines if line.startswith(b"+")}
    served = {prepend for prepend in prepends if b"+%b-" % prepend in wildcards}
    return Prepends(sorted(served), sorted(prepends - served))
