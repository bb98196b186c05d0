"""The homes that the assignments of a host name, and what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qmailpanel.qmail.doctor.assignments import is_number
from qmailpanel.qmail.doctor.examined import ExaminedHost, File
from qmailpanel.qmail.doctor.finding import LINES
from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.pause import Round


@dataclass
class Claims:
    """The addresses that lines of users/assign are about; of `begins`, all that begin so."""

    whole: set[tuple[bytes, bytes]] = field(default_factory=set)
    begins: set[tuple[bytes, bytes]] = field(default_factory=set)

    def knows(self, local: bytes, domain: bytes) -> bool:
        """Whether mail to it does not fall to whoever has all addresses of the domain."""
        beginnings = ((local[:length], domain) for length in range(1, len(local) + 1))
        return (local, domain) in self.whole or not self.begins.isdisjoint(beginnings)


@dataclass
class AssignedHome:
    """A home that users/assign names: first in line `number`, for this uid and gid.

    `plain`: for whole names; `.qmail` is asked. `own`: the addresses of these. `begins`: for names
    that begin so, at these domains; `.qmail-…` is asked. `alone`: the prepend of a domain that has
    no other assignment than a wildcard to here. `claims`: of all homes.
    """

    path: str
    number: int
    uid: int
    gid: int
    plain: bool = False
    own: set[bytes] = field(default_factory=set)
    begins: list[tuple[bytes, tuple[bytes, ...]]] = field(default_factory=list)
    alone: bytes = b""
    claims: Claims = field(default_factory=Claims)

    def own_of(self, name: str) -> set[bytes]:
        """The addresses whose mail a dot-qmail file of this home gets."""
        if name == ".qmail":
            return self.own
        extension = name.removeprefix(".qmail-").replace(":", ".").encode("utf-8", "replace")
        return {
            begin + extension + b"@" + domain for begin, names in self.begins for domain in names
        }


@dataclass(frozen=True, slots=True)
class ExaminedMaildir:
    """A maildir that a dot-qmail file delivers to: itself as `.`, and what it has of cur, new, tmp
    and maildirsize."""

    files: Mapping[str, File]


@dataclass(frozen=True, slots=True)
class ExaminedHome:
    """A home as it is. `here` is None where it is missing; `dots`: its dot-qmail files by name.

    `maildirs`: by the path that a dot-qmail file has, those that are below the home or the mail
    root. `directories`: whether such a path without a slash is one. `boxes`: vpopmail's vpasswd,
    where mail is left to vdelivermail. `box_dots`: the homes of its mailboxes, from here, and the
    .qmail of each. `listed`: whether `dots` are all there are. `shut`: a directory above it that
    the mail user cannot enter. `skipped`: why it was not examined, `link` or `closed`.
    """

    assigned: AssignedHome
    here: File | None
    dots: Mapping[str, File] = field(default_factory=dict)
    maildirs: Mapping[bytes, ExaminedMaildir] = field(default_factory=dict)
    directories: Mapping[bytes, bool] = field(default_factory=dict)
    boxes: File | None = None
    box_dots: Mapping[str, File | None] = field(default_factory=dict)
    listed: bool = False
    shut: str = ""
    skipped: str = ""


def find_homes(host: ExaminedHost) -> Round[dict[str, AssignedHome]]:
    """The homes by their paths."""
    homes, domains, claims = dict[str, AssignedHome](), _find_domains(host), Claims()
    wildcards, simple = dict[bytes, AssignedHome](), set[bytes]()
    for number, record in _read_records(host.text("users/assign") or b""):
        if number % LINES == 0:
            yield None
        name, _, uid, gid, home, dash, *_ = record
        path = _plain_path(home.decode("utf-8", "surrogateescape"))
        if not (is_number(uid) and is_number(gid) and _is_whole(path)):
            continue
        new = AssignedHome(path, number, int(uid), int(gid), claims=claims)
        named = homes.setdefault(path, new)
        prepend, _, rest = name[1:].lower().partition(b"-")
        names = domains.get(prepend, ())
        claimed = claims.whole if name[:1] == b"=" else claims.begins
        claimed |= {(rest, one) for one in names if rest}
        if dash:
            named.begins.append((rest, names))
        else:
            named.plain = True
            named.own |= {rest + b"@" + one for one in names if name[:1] == b"="}
        if name.startswith(b"="):
            simple |= _beginnings(name[1:].lower())
        elif name.endswith(b"-") and dash:
            wildcards[name[1:-1].lower()] = named
    for begin in wildcards.keys() & domains.keys() - simple:
        wildcards[begin].alone = begin
    return homes


def _beginnings(name: bytes) -> set[bytes]:
    """All that a wildcard of it could have before its dash."""
    return {name[:at] for at, byte in enumerate(name) if byte == ord("-")}


def _plain_path(path: str) -> str:
    names = [name for name in path.split("/") if name not in ("", ".")]
    return "/".join(["" if path.startswith("/") else ".", *names])


def _is_whole(path: str) -> bool:
    return path.startswith("/") and "\0" not in path and ".." not in path.split("/")


def _find_domains(host: ExaminedHost) -> dict[bytes, tuple[bytes, ...]]:
    """The domains of each prepend."""
    domains: dict[bytes, tuple[bytes, ...]] = {}
    for _, entry in control.entries(host.text("control/virtualdomains") or b""):
        name, _, prepend = entry.lower().partition(b":")
        if name and b"@" not in name and not name.startswith(b"."):
            domains[prepend] = (*domains.get(prepend, ()), name)
    return domains


def _read_records(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    for number, line in enumerate(control.split_lines(content), start=1):
        if line.startswith(b"."):
            return
        if line.count(b":") >= assign.COLONS:
            yield number, line.split(b":", assign.COLONS)
