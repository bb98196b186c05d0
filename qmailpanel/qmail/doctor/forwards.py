"""Forwards of a domain to addresses of its own that nobody has. See qmail-local(8)."""

from __future__ import annotations

from collections.abc import Iterator

from qmailpanel.qmail.doctor.assigned_homes import ExaminedHome
from qmailpanel.qmail.doctor.finding import Finding, Trap
from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.names import gettext_noop

NOBODY = Trap(
    gettext_noop("Nobody has the address %(address)s, so what is forwarded to it bounces."),
    gettext_noop("Make a mailbox of that name, or write an address that somebody has."),
)


def examine_forwards(home: ExaminedHome, path: str, content: bytes) -> Iterator[Finding]:
    """Those in this file of the home where all of a domain's unclaimed addresses arrive."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        address = line.rstrip(b" \t").removeprefix(b"&").lower()
        is_plain = not line.startswith((b"#", b"|", b"+", b".", b"/", b" ", b"\t"))
        if is_plain and _bounces(home, *address.rpartition(b"@")[::2]):
            yield NOBODY.at(path, number, address=address)


def _bounces(home: ExaminedHome, local: bytes, domain: bytes) -> bool:
    if not local or home.assigned.claims.knows(local, domain):
        return False
    if not any(not begin and domain in names for begin, names in home.assigned.begins):
        return False
    if any(name in home.dots for name in _own_files(local.decode("utf-8", "surrogateescape"))):
        return False
    default = home.dots.get(".qmail-default")
    return default is None or (default.content is not None and dotqmail.refuses(default.content))


def _own_files(local: str) -> Iterator[str]:
    """The files that decide before .qmail-default does."""
    parts = local.replace(".", ":").split("-")
    yield f".qmail-{'-'.join(parts)}"
    for length in range(1, len(parts)):
        yield f".qmail-{'-'.join(parts[:length])}-default"
