"""Traps within a dot-qmail file. See dot-qmail(5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set

from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.doctor.program_lines import examine_command
from qmailpanel.qmail.formats.commands import find_maildir, read_words
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

BLANK_FIRST = Trap(
    gettext_noop("The first line is blank: each message waits, up to a week, and then bounces."),
    gettext_noop("Remove the blank line. To throw mail away write #, to deliver ./Maildir/."),
)
CR = Trap(
    gettext_noop(
        "%(line)s ends with a carriage return (CR): qmail says success, and the mail is "
        "not where it belongs."
    ),
    gettext_noop(
        "Remove the CRs: sed -i 's/\\r$//'. The file was saved with the line ends of DOS."
    ),
    ALARM,
)
NUL = Trap(
    gettext_noop("%(line)s has a NUL byte; the rest of the line is not read."),
    gettext_noop("Remove the NUL byte: tr -d '\\0'."),
)
LEADING = Trap(
    gettext_noop("A blank stands before %(line)s: qmail takes it as an address to forward to."),
    gettext_noop("Let the line begin with its sign: | for a program, . or / for a path."),
    ALARM,
)
NO_SIGN = Trap(
    gettext_noop("%(line)s has no sign before it: qmail takes it as an address to forward to."),
    gettext_noop("Begin a program with |, a path with ./ and an address with &."),
    ALARM,
)
BAD_ADDRESS = Trap(
    gettext_noop(
        "%(line)s is taken as one address; success is said, and mail for it bounces later."
    ),
    gettext_noop("Write & and one plain address on each line, without name, < > or commas."),
    ALARM,
)
NO_DOMAIN = Trap(
    gettext_noop("%(line)s has no domain: it goes to that name at this host's own name."),
    gettext_noop("Write the whole address."),
    NOTE,
)
TO_ITSELF = Trap(
    gettext_noop("%(line)s is this very address: the copy comes back and bounces as a loop."),
    gettext_noop("Remove the line; to keep a copy here write ./Maildir/."),
)
PROGRAM_AS_MBOX = Trap(
    gettext_noop(
        "%(line)s is a program without its | : qmail takes it as the path of an mbox, and "
        "each message waits."
    ),
    gettext_noop("Write | before it."),
)
NULL_DEVICE = Trap(
    gettext_noop("Nothing can be delivered to /dev/null: each message waits."),
    gettext_noop("To throw mail away write # alone."),
)
NO_SLASH = Trap(
    gettext_noop(
        "%(line)s is a directory, but without a slash at its end it is taken as an mbox: "
        "each message waits."
    ),
    gettext_noop("Write a slash behind it."),
)
FORWARDS_ONLY = Trap(
    gettext_noop(
        "+list stands above %(line)s: behind it only forwards are allowed, and each message waits."
    ),
    gettext_noop("Move +list below it, or remove it."),
)
NO_EFFECT = Trap(
    gettext_noop("%(line)s begins with + and has no effect."),
    gettext_noop("Begin a program with |, a path with ./ and an address with &."),
    NOTE,
)
_NO_ADDRESS = re.compile(rb"(?:true|false|exit|maildir|mailbox)\Z|.*[\s/]", re.IGNORECASE)
_ODD_ADDRESS = re.compile(rb"[\s<>,;\"()]|\A\Z")
_PROGRAM = re.compile(rb"/\S*bin/\S+|/\S+\s+\S")


def lines_of(content: bytes) -> list[bytes]:
    """The lines as qmail-local has them: blanks at the end dropped."""
    return [line.rstrip(b" \t") for line in content.removesuffix(b"\n").split(b"\n")]


def find_paths(content: bytes) -> Iterator[bytes]:
    """The paths that the file delivers to, as they stand there."""
    for raw in lines_of(content):
        line = raw.partition(b"\0")[0]
        if line.startswith((b".", b"/")):
            yield line
        elif line.startswith(b"|") and (path := find_maildir(read_words(line[1:]))):
            yield path.encode("utf-8", "surrogateescape").rstrip(b"/") + b"/"


def delivers_here(content: bytes) -> bool:
    """Whether it has program, mbox or maildir lines, and not forwards alone."""
    return any(line.startswith((b"|", b".", b"/")) for line in lines_of(content))


def examine_instructions(
    file: str,
    content: bytes,
    exists: Callable[[str], bool],
    own: Set[bytes],
    directories: Mapping[bytes, bool],
) -> Iterator[Finding]:
    """`own`: the addresses whose mail the file gets. `directories`: of `find_paths`, those whose
    kind is known."""
    lines = lines_of(content)
    if content and not lines[0].partition(b"\0")[0]:
        yield BLANK_FIRST.at(file, 1)
    only = False
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith(b"#"):
            continue
        if line.startswith(b"|"):
            for wrong, word in examine_command(line[1:], exists, lines[: number - 1]):
                yield wrong.at(file, number, word=word)
        trap = _find_trap(line, own, directories)
        if trap:
            yield trap.at(file, number, line=line)
        if only and line.startswith((b"|", b".", b"/")):
            yield FORWARDS_ONLY.at(file, number, line=line)
        only = only or line == b"+list"


def _find_trap(line: bytes, own: Set[bytes], directories: Mapping[bytes, bool]) -> Trap | None:
    if line.endswith(b"\r"):
        return CR
    if b"\0" in line:
        return NUL
    match line[:1]:
        case b"|":
            return None
        case b"+":
            return None if line == b"+list" else NO_EFFECT
        case b"." | b"/":
            return _find_in_path(line, directories)
        case b" " | b"\t":
            return LEADING
        case b"&":
            return _find_in_address(line[1:], own)
    is_address = b"@" in line or not _NO_ADDRESS.match(line)
    return _find_in_address(line, own) if is_address else NO_SIGN


def _find_in_path(line: bytes, directories: Mapping[bytes, bool]) -> Trap | None:
    if line.startswith(b"/dev/"):
        return NULL_DEVICE
    if _PROGRAM.match(line) and not line.endswith(b"/"):
        return PROGRAM_AS_MBOX
    return NO_SLASH if line == b"." or (directories.get(line) and line[-1:] != b"/") else None


def _find_in_address(address: bytes, own: Set[bytes]) -> Trap | None:
    if _ODD_ADDRESS.search(address):
        return BAD_ADDRESS
    if address.lower() in own:
        return TO_ITSELF
    return None if b"@" in address else NO_DOMAIN
