"""What is on a host, read back as what a panel's rows could say. The inverse of layout.py.

Everything here reads what others wrote: what cannot be said by a row is None.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from qmailpanel.qmail.formats import assign, control, dotqmail
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import DomainName, InvalidName, LocalPart, MailAddress

_DEFAULT = ".qmail-default"
_EXTENSION = re.compile(r"\.qmail-(.+)")


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
class Place:
    """What a dot-qmail file below the mail root is about: its domain, and which local part.

    `local` is empty for unknown recipients. `is_home`: the file of a mailbox's home.
    """

    domain: str
    local: str
    is_home: bool


@dataclass(frozen=True, slots=True)
class Home:
    """An assignment of one address of a prepend to a home of the layout."""

    prepend: int
    local: str
    domain: str
    home: str


def read_place(path: str) -> Place | None:
    """`pandle.net/.qmail-info`, `pandle.net/.qmail-default` or `pandle.net/biliards/.qmail`."""
    match path.split("/"):
        case [domain, home, ".qmail"]:
            return Place(domain, home, is_home=True)
        case [domain, name] if name == _DEFAULT:
            return Place(domain, "", is_home=False)
        case [domain, name] if found := _EXTENSION.fullmatch(name):
            return Place(domain, found[1].replace(":", "."), is_home=False)
    return None


def read_meaning(content: str, layout: Layout) -> Meaning | None:
    """What a dot-qmail file does, if the panel has a word for it."""
    try:
        found = dotqmail.parse(content.encode())
        match found:
            case [dotqmail.Maildir(b"./Maildir/")]:
                return Delivers()
            case [dotqmail.Program(_)] if _is_limited(content.encode(), layout):
                return Delivers()
            case [dotqmail.Program(command)]:
                return _read_bounce(command.decode(), layout)
            case [*_] if found and all(isinstance(one, dotqmail.Comment) for one in found):
                return Discards()
            case [*_] if found and all(isinstance(one, dotqmail.Forward) for one in found):
                return Forwards([MailAddress(one.text.decode()) for one in found])
    except (dotqmail.BadDotQmail, InvalidName, ValueError):
        pass
    return None


def _is_limited(content: bytes, layout: Layout) -> bool:
    if not layout.deliverquota:
        return False
    return content == dotqmail.render_limited(layout.preline, layout.deliverquota)


def _read_bounce(command: str, layout: Layout) -> Bounces | None:
    words = shlex.split(command)
    if len(words) == 2 and words[0] in (layout.bouncesaying, "bouncesaying"):
        return Bounces(words[1])
    return None


def read_home(line: str, layout: Layout) -> Home | None:
    """`=100-biliards:popuser:110:31:<mail root>/pandle.net/biliards:::`."""
    try:
        found = assign.parse(line.encode())
    except (assign.BadAssign, ValueError):
        return None
    number, dash, local = found.local.partition("-")
    root, _, below = found.home.partition(f"{layout.mail_root}/")
    domain, _, home = below.partition("/")
    user = layout.mail_user
    is_ours = (found.user, found.uid, found.gid) == (user.name, user.uid, user.gid)
    is_plain = found.sign == "=" and dash and not (found.dash or found.ext or root)
    if not (is_ours and is_plain and number.isdigit() and len(number) < 10):
        return None
    try:
        return Home(int(number), LocalPart(local), DomainName(domain), LocalPart(home))
    except InvalidName:
        return None


def read_virtual(line: str) -> tuple[DomainName, int] | None:
    """`pandle.org:100`: a name, and the prepend its mail has."""
    name, _, prepend = (
        control.virtual_value(line.encode()).decode("utf-8", "replace").partition(":")
    )
    try:
        return (DomainName(name), int(prepend)) if prepend.isdigit() else None
    except (InvalidName, ValueError):
        return None
