"""The control files that list names: rcpthosts, morercpthosts, virtualdomains, locals,
rejectnonexist. See qmail-control(5).

They have one parser in qmail: blanks and tabs at the end of a line are dropped, blank lines too;
`#` begins a comment in the first column only; a NUL splits an entry in two; upper case is folded;
the last line may lack its newline. Everything else is part of an entry; where that surprises,
doctor/control_lists.py says so.
"""

from __future__ import annotations

from io import BytesIO

from qmailpanel.qmail.names import DomainName

_REFUSED = "-.left"


def split_lines(content: bytes) -> list[bytes]:
    """The raw lines with their newlines: joined, they are the content."""
    return BytesIO(content).readlines()


def bare_lines(content: bytes) -> list[bytes]:
    """The raw lines without their newlines, which alone end one: a CR is part of a line."""
    return [line.removesuffix(b"\n") for line in split_lines(content)]


def entries(content: bytes) -> list[tuple[int, bytes]]:
    """What qmail reads: the number of each line, and the entry as it stands there."""
    return [
        (number, entry)
        for number, line in enumerate(split_lines(content), start=1)
        for entry in _stripped(line).split(b"\0")
        if entry
    ]


def virtual_key(line: bytes) -> bytes | None:
    """The name a raw line of virtualdomains is about. None: the line says nothing to qmail."""
    name, colon, _ = _stripped(line).partition(b":")
    return name.lower() if colon else None


def virtual_value(line: bytes) -> bytes:
    """A raw line of virtualdomains, folded: two lines of one value mean the same to qmail."""
    name, colon, prepend = _stripped(line).partition(b":")
    return name.lower() + colon + prepend


def host_key(line: bytes) -> bytes | None:
    """The name on a raw line of rcpthosts, locals or rejectnonexist. None: a line without one."""
    return _stripped(line).lower() or None


def routed_name(key: bytes) -> bytes:
    """The domain a key of virtualdomains routes mail of: `user@dom` → `dom`, `.dom` → `.dom`."""
    return key.rpartition(b"@")[2]


def render_virtual(name: DomainName, prepend: int, *, below: bool = False) -> bytes:
    """`pandle.net:100`; `below`: `.pandle.net:100`, for all names below it."""
    return f"{'.' * below}{name}:{prepend:d}\n".encode("ascii")


def render_refused(name: DomainName, prepend: int, *, below: bool = False) -> bytes:
    """`old.test:100-.left`: mail for bob is for 100-.left-bob, which no address can be."""
    return f"{'.' * below}{name}:{prepend:d}{_REFUSED}\n".encode("ascii")


def is_refused(line: bytes) -> bool:
    """Whether it is what `render_refused` makes."""
    return _stripped(line).lower().endswith(_REFUSED.encode())


def render_host(name: DomainName, *, below: bool = False) -> bytes:
    """`pandle.net`; `below`: `.pandle.net`, for all names below it."""
    return f"{'.' * below}{name}\n".encode("ascii")


def _stripped(line: bytes) -> bytes:
    """The line as qmail keeps it: empty for a comment and for a line that begins with NUL."""
    text = line.rstrip(b" \t\n")
    return b"" if text.startswith((b"#", b"\0")) else text
