"""Traps within the control files that list names. See qmail-control(5).

They are lines that qmail reads otherwise than a person would: see control.py for its parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import LINES, Finding, Findings, Severity, Trap
from qmailpanel.qmail.formats import control
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

BOM = Trap(
    gettext_noop("A byte order mark stands before %(entry)s; qmail takes it as part of the name."),
    gettext_noop("Save the file as plain ASCII, without a byte order mark."),
)
CR = Trap(
    gettext_noop("A carriage return (CR) stands in %(entry)s; qmail takes it as part of it."),
    gettext_noop(
        "Remove the CRs: sed -i 's/\\r$//'. The file was saved with the line ends of DOS."
    ),
)
LEADING = Trap(
    gettext_noop("A blank stands before %(entry)s; qmail takes it as part of the name."),
    gettext_noop("Let the line begin with the name."),
)
COMMENT = Trap(
    gettext_noop("A comment stands behind %(entry)s; qmail takes it as part of the entry."),
    gettext_noop("Put the comment on a line of its own that begins with #."),
)
BLANK = Trap(
    gettext_noop("A blank stands within %(entry)s; qmail takes it as part of the entry."),
    gettext_noop("Write the entry without blanks, one on each line."),
)
NUL = Trap(
    gettext_noop("A NUL byte stands in this line; qmail reads two entries there: %(entry)s"),
    gettext_noop("Remove the NUL byte: tr -d '\\0'."),
)
CONTROL_BYTE = Trap(
    gettext_noop("A control character stands in %(entry)s; no mail has such a name."),
    gettext_noop("Write the line anew."),
)
FOREIGN = Trap(
    gettext_noop("%(entry)s has letters outside ASCII; mail for it has the xn-- form."),
    gettext_noop("Write the name in its xn-- form (punycode)."),
)
FINAL_DOT = Trap(
    gettext_noop("%(entry)s ends with a dot; no mail has such a name, so it has no effect."),
    gettext_noop("Remove the dot at the end of the name."),
)
TWO_COLONS = Trap(
    gettext_noop("%(entry)s has two colons: perhaps two entries without a newline between them."),
    gettext_noop("Put each entry on a line of its own."),
)
NO_COLON = Trap(
    gettext_noop("%(entry)s has no colon; qmail ignores it."),
    gettext_noop("Write name:prepend, as pandle.net:100."),
)
NEVER_ACCEPTS = Trap(
    gettext_noop("%(entry)s is no domain; qmail-smtpd accepts no mail because of it."),
    gettext_noop("Write a domain, or .domain for all names below it; * and user@ have no effect."),
)
NEVER_LOCAL = Trap(
    gettext_noop("%(entry)s has no effect: control/locals has whole domain names only."),
    gettext_noop("List each name; for all names below a domain use control/virtualdomains."),
)
NEVER_REFUSES = Trap(
    gettext_noop("%(entry)s never matches a sender; qmail-smtpd refuses nothing because of it."),
    gettext_noop("Write user@domain, or @domain for all senders of a domain."),
)
HAS_TWICE = Trap(
    gettext_noop("%(entry)s is there twice, the same as in line %(other)s."),
    gettext_noop("Remove one: who removes only one later is surprised by the other."),
    NOTE,
)
LOSES = Trap(
    gettext_noop(
        "%(entry)s has no effect: line %(other)s is about the same name, and the last wins."
    ),
    gettext_noop("Remove the line that is not meant."),
)
PERCENT = Trap(
    gettext_noop("For %(entry)s user%%host@domain is rewritten to user@host before it is routed."),
    gettext_noop("Remove control/percenthack and restart qmail-send; HUP is not enough."),
)
RELAYS = Trap(
    gettext_noop(
        "%(entry)s is a relay for everybody: mail to user%%any.host@%(entry)s is sent on."
    ),
    gettext_noop("Remove control/percenthack and restart qmail-send; HUP is not enough."),
    ALARM,
)
LONG = Trap(
    gettext_noop("%(count)s names: qmail-smtpd reads all of them at the start of each connection."),
    gettext_noop("Move most of them to control/morercpthosts, then run qmail-newmrh."),
    NOTE,
)
MOST_HOSTS = 10_000

_FAULTS = (
    (re.compile(rb"\A\xef\xbb\xbf"), BOM),
    (re.compile(rb"\r"), CR),
    (re.compile(rb"\A[ \t]"), LEADING),
    (re.compile(rb"#"), COMMENT),
    (re.compile(rb"[ \t]"), BLANK),
    (re.compile(rb"[\0-\x1f\x7f]"), CONTROL_BYTE),
    (re.compile(rb"[\x80-\xff]"), FOREIGN),
)
_PLAIN = re.compile(rb"[!-\"$-~]+")  # printable ASCII without blanks and #

Check = Callable[[bytes], Trap | None]


def _check_host(entry: bytes) -> Trap | None:
    if re.search(rb"[@*:/]", entry):
        return NEVER_ACCEPTS
    return FINAL_DOT if entry.endswith(b".") else None


def _check_local(entry: bytes) -> Trap | None:
    if entry.startswith(b".") or re.search(rb"[@*:/]", entry):
        return NEVER_LOCAL
    return FINAL_DOT if entry.endswith(b".") else None


def _check_virtual(entry: bytes) -> Trap | None:
    name, colon, prepend = entry.partition(b":")
    if not colon:
        return NO_COLON
    if b":" in prepend:
        return TWO_COLONS
    return FINAL_DOT if name.endswith(b".") else None


def _check_sender(entry: bytes) -> Trap | None:
    local, at, domain = entry.rpartition(b"@")
    if not at or not domain or domain.startswith(b".") or b"*" in local:
        return NEVER_REFUSES
    return FINAL_DOT if entry.endswith(b".") else None


LISTS: Mapping[str, Check] = {
    "control/rcpthosts": _check_host,
    "control/morercpthosts": _check_host,
    "control/rejectnonexist": _check_host,
    "control/locals": _check_local,
    "control/virtualdomains": _check_virtual,
    "control/badmailfrom": _check_sender,
    "control/percenthack": lambda _entry: None,
}


def examine_lists(host: ExaminedHost) -> Findings:
    """Each entry of each list that is silently dead or wrong."""
    for name, check in LISTS.items():
        content = host.text(name)
        if content:
            yield from _examine_list(name, content, check)
    yield from _examine_me(host)
    yield from _examine_percenthack(host)
    count = (host.text("control/rcpthosts") or b"").count(b"\n")
    if count > MOST_HOSTS:
        yield LONG.at("control/rcpthosts", count=str(count))


def _examine_list(name: str, content: bytes, check: Check) -> Findings:
    if b"\0" in content:
        for number, line in enumerate(control.split_lines(content), start=1):
            if b"\0" in line:
                yield NUL.at(name, number, entry=line)
    firsts: dict[bytes, int] = {}
    for count, (number, entry) in enumerate(control.entries(content), start=1):
        trap = find_fault(entry) or check(entry)
        if trap:
            yield trap.at(name, number, entry=entry)
        elif name != "control/virtualdomains":
            first = firsts.setdefault(entry.lower(), number)
            if first != number:
                yield HAS_TWICE.at(name, number, entry=entry, other=str(first))
        if count % LINES == 0:
            yield None
    if name == "control/virtualdomains":
        yield from _find_losers(name, content)


def find_fault(entry: bytes) -> Trap | None:
    """What is wrong with an entry of any list, if anything."""
    if _PLAIN.fullmatch(entry):  # most are
        return None
    return next((trap for fault, trap in _FAULTS if fault.search(entry)), None)


def _find_losers(file: str, content: bytes) -> Iterator[Finding]:
    """Lines of virtualdomains with a later one about the same name. See qmail-send(8)."""
    last: dict[bytes, tuple[int, bytes]] = {}
    for number, entry in control.entries(content):
        name, colon, prepend = entry.partition(b":")
        if not colon:
            continue
        before = last.get(name.lower())
        if before:
            same = before[1] == prepend
            lost = (number, before[0]) if same else (before[0], number)
            trap = HAS_TWICE if same else LOSES
            yield trap.at(file, lost[0], entry=entry if same else name, other=str(lost[1]))
        last[name.lower()] = number, prepend


def _examine_me(host: ExaminedHost) -> Iterator[Finding]:
    """Of `me` qmail reads the first line only, as it stands there."""
    first = (host.text("control/me") or b"").partition(b"\n")[0].rstrip(b" \t")
    trap = find_fault(first) if first else None
    if trap or first.endswith(b"."):
        yield (trap or FINAL_DOT).at("control/me", 1, entry=first)


def _examine_percenthack(host: ExaminedHost) -> Iterator[Finding]:
    content = host.text("control/percenthack")
    if not content:
        return
    accepts = Accepted(host)
    for number, entry in control.entries(content):
        trap = RELAYS if accepts.has(entry.lower()) else PERCENT
        yield trap.at("control/percenthack", number, entry=entry)


class Accepted:
    """The names that qmail-smtpd accepts mail for: rcpthosts, and what its second list says."""

    def __init__(self, host: ExaminedHost) -> None:
        contents = [host.text(f"control/{name}") for name in ("rcpthosts", "morercpthosts")]
        self.is_everything = contents[0] is None
        self.numbers = {
            entry.lower(): (file, number)
            for file, content in zip(("rcpthosts", "morercpthosts"), contents, strict=True)
            for number, entry in control.entries(content or b"")
        }

    def has(self, name: bytes) -> bool:
        """`.dom` for all names below it. See qmail-smtpd(8)."""
        return self.is_everything or any(one in self.numbers for one in spellings(name))


def spellings(name: bytes) -> Iterator[bytes]:
    """The entries that are about a name: itself, then `.parent` from longest to shortest."""
    yield name
    at = name.find(b".", 1)
    while at >= 0:
        yield name[at:]
        at = name.find(b".", at + 1)
