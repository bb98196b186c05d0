"""What is on a host, read back as what a panel's rows could say. The inverse of the layout.

Everything here reads what others wrote: what cannot be said by a row is None.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from qmailpanel.qmail.formats import assign, control, dotqmail
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import DomainName, InvalidName, LocalPart, MailAddress, MailUser
from qmailpanel.qmail.numbers import HIGHEST_PREPEND, read_number


@dataclass(frozen=True, slots=True)
class Forwards:
    """Mail goes on to these addresses."""

    targets: Sequence[MailAddress]


@dataclass(frozen=True, slots=True)
class Bounces:
    """Mail goes back with a text."""

    text: str


@dataclass(frozen=True, slots=True)
class Discards:
    """Mail is taken and thrown away."""


@dataclass(frozen=True, slots=True)
class Delivers:
    """Mail ends in the Maildir of the home."""


Meaning = Forwards | Bounces | Discards | Delivers


@dataclass(frozen=True, slots=True)
class DotQmailPath:
    """What a dot-qmail file below the mail root is about: its domain, and which local part.

    `local` is empty for unknown recipients. `is_home`: the file of a mailbox's home.
    """

    domain: str
    local: str
    is_home: bool


@dataclass(frozen=True, slots=True)
class HomeLine:
    """An assignment of one address of a prepend to a home of the layout."""

    prepend: int
    local: str
    domain: str
    home: str


def read_place(path: str) -> DotQmailPath | None:
    """`pandle.net/.qmail-info`, `pandle.net/.qmail-default` or `pandle.net/biliards/.qmail`."""
    match path.split("/"):
        case [domain, home, ".qmail"]:
            return DotQmailPath(domain, home, is_home=True)
        case [domain, name] if extension := dotqmail.extension_of(name):
            return DotQmailPath(domain, "" if extension == "default" else extension, is_home=False)
    return None


def read_meaning(content: str, layout: Layout) -> Meaning | None:
    """What a dot-qmail file does, if the panel has a word for it."""
    try:
        return _read_instructions(dotqmail.parse(content.encode()), layout)
    except (dotqmail.BadDotQmail, InvalidName, ValueError):
        return None


def _read_instructions(
    instructions: Sequence[dotqmail.Instruction], layout: Layout
) -> Meaning | None:
    """Comments say nothing, unless nothing else is there."""
    acting = [each for each in instructions if not isinstance(each, dotqmail.Comment)]
    match acting:
        case []:
            return Discards() if instructions else None
        case [dotqmail.Maildir(b"./Maildir/")]:
            return Delivers()
        case [dotqmail.Program(command)] if _is_limited(command, layout):
            return Delivers()
        case [dotqmail.Program(command)]:
            return _read_bounce(command.decode(), layout)
        case [*forwards] if all(isinstance(each, dotqmail.Forward) for each in forwards):
            return Forwards([MailAddress(each.text.decode()) for each in forwards])
    return None


def _is_limited(command: bytes, layout: Layout) -> bool:
    if not layout.deliverquota:
        return False
    return b"|%s\n" % command == dotqmail.render_limited(layout.preline, layout.deliverquota)


def _read_bounce(command: str, layout: Layout) -> Bounces | None:
    words = shlex.split(command)
    if len(words) == 2 and words[0] in (layout.bouncesaying, "bouncesaying"):
        return Bounces(words[1])
    return None


def read_home(line: str, layout: Layout) -> HomeLine | None:
    """`=100-biliards:popuser:110:31:<mail root>/pandle.net/biliards:::`."""
    try:
        assignment = assign.parse(line.encode())
    except (assign.BadAssign, ValueError):
        return None
    number, dash, local = assignment.local.partition("-")
    root, _, below = assignment.home.partition(f"{layout.mail_root}/")
    domain, _, home = below.partition("/")
    is_plain = assignment.sign == "=" and dash and not (assignment.dash or assignment.ext or root)
    prepend = read_number(number, HIGHEST_PREPEND)
    if prepend is None or not is_plain or not _is_as(assignment, layout.mail_user):
        return None
    try:
        return HomeLine(prepend, LocalPart(local), DomainName(domain), LocalPart(home))
    except InvalidName:
        return None


def _is_as(assignment: assign.Assignment, user: MailUser) -> bool:
    return (assignment.user, assignment.uid, assignment.gid) == (user.name, user.uid, user.gid)


def read_virtual(line: str) -> tuple[DomainName, int] | None:
    """`pandle.org:100`: a name, and the prepend its mail has."""
    text = control.virtual_value(line.encode()).decode("utf-8", "replace")
    name, _, number = text.partition(":")
    prepend = read_number(number, HIGHEST_PREPEND)
    try:
        return None if prepend is None else (DomainName(name), prepend)
    except InvalidName:
        return None
