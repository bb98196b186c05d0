"""users/assign: which local names are delivered as whom, in which home. See qmail-users(5).

    =local:user:uid:gid:home:dash:ext:      one name
    +loc:user:uid:gid:home:dash:pre:        every name that begins so
    .                                       the end; whatever follows is dead text

Lines are read as qmail-newu reads them: no comments, no blank lines, any first byte but `+` makes
an exact name, text behind the seventh colon is dropped, upper case is folded, the first of two
equal names wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.names import gettext_noop
from qmailpanel.qmail.numbers import HIGHEST_ID, read_number

Sign = Literal["=", "+"]

COLONS = 7
LARGE = 1_000_000  # bytes


class BadAssign(ValueError):
    """Why qmail-newu would exit 111 and keep the old map, or why a line is not ours to write."""

    def __init__(self, reason: str, number: int | None = None) -> None:
        super().__init__(reason if number is None else f"line {number}: {reason}")
        self.reason = reason
        self.number = number


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment: simple (`=`) or wildcard (`+`)."""

    sign: Sign
    local: str
    user: str
    uid: int
    gid: int
    home: str
    dash: str
    ext: str

    @property
    def key(self) -> bytes:
        """What at most one line of the file can be about: `=100-biliards`, `+100-`."""
        return f"{self.sign}{self.local}".lower().encode("ascii")

    @property
    def line(self) -> bytes:
        """The line. Raises BadAssign where it would mean something else to qmail, or root."""
        self._check()
        text = (
            f"{self.sign}{self.local}:{self.user}:{self.uid}:{self.gid}:"
            f"{self.home}:{self.dash}:{self.ext}:"
        )
        if text.count(":") != COLONS or not (text.isascii() and text.isprintable()):
            raise BadAssign(gettext_noop("a field has a colon, or is not printable ASCII"))
        return f"{text}\n".encode("ascii")

    def _check(self) -> None:
        if self.sign not in ("=", "+") or self.local != self.local.lower():
            raise BadAssign(gettext_noop("the name is not in lower case behind = or +"))
        if not (0 < self.uid <= HIGHEST_ID and 0 < self.gid <= HIGHEST_ID):
            raise BadAssign(gettext_noop("mail is never delivered as root"))
        if not self.home.startswith("/") or ".." in self.home.split("/"):
            raise BadAssign(gettext_noop("the home is not an absolute path without .."))


def cut(content: bytes) -> tuple[list[bytes], bytes]:
    """The records, as raw lines, and the dead text behind the line that begins with a dot.

    Raises BadAssign exactly where qmail-newu exits 111.
    """
    end = find_end(content)
    head = content[:end]
    records = split_lines(head)
    for number, record in enumerate(records, start=1):
        if record.count(b":") < COLONS:
            raise BadAssign(gettext_noop("fewer than seven colons"), number)
    _refuse(b"\n:", gettext_noop("no name before the first colon"), b"\n" + head)
    _refuse(b"\0", gettext_noop("a NUL byte"), b"\n" + head)
    return records, content[end:].partition(b"\n")[2]


def find_end(content: bytes) -> int:
    """Where the line with a dot begins. Raises BadAssign where there is none."""
    if content.startswith(b"."):
        return 0
    before = content.find(b"\n.")
    if before < 0:
        raise BadAssign(gettext_noop("no line with a dot ends the file"), content.count(b"\n") + 1)
    return before + 1


def _refuse(sign: bytes, reason: str, head: bytes) -> None:
    """`head` is searched as a whole, which is quicker than line by line."""
    before, there, _ = head.partition(sign)
    if there:
        raise BadAssign(reason, before.count(b"\n") + there.count(b"\n"))


def line_key(line: bytes) -> bytes:
    """The key of a raw record: sign and folded name, as qmail-newu sees them."""
    name = line.partition(b":")[0]
    return (b"+" if name.startswith(b"+") else b"=") + name[1:].lower()


def find_line(content: bytes, key: bytes) -> tuple[int, bytes] | None:
    """The number of the first record of a key, and the record; None where no record has it.

    In a large file only of one that is written as the key is.
    """
    start = _find_record(content, key)
    if start < 0 or content.startswith(b".") or content.find(b"\n.", 0, start) >= 0:
        return None
    stop = content.find(b"\n", start)
    return content.count(b"\n", 0, start) + 1, content[start : stop if stop >= 0 else None]


def _find_record(content: bytes, key: bytes) -> int:
    """Where it begins; -1 for nowhere."""
    if len(content) > LARGE:
        return 0 if content.startswith(key + b":") else content.find(b"\n" + key + b":") + 1 or -1
    sign = rb"\+" if key.startswith(b"+") else rb"[^+.\n]"
    pattern = b"^" + sign + re.escape(key[1:]) + b":"
    found = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(content)
    return found.start() if found else -1


def line_value(line: bytes) -> bytes:
    """A raw record through its seventh colon: two records of one value mean the same to qmail.

    The last byte of a wildcard keeps its case, because qmail-newu does not fold it either where
    it notes the bytes that wildcards end in.
    """
    name, *fields = line.split(b":", COLONS)[:COLONS]
    key = line_key(name)
    if key.startswith(b"+") and len(name) > 1:
        key = key[:-1] + name[-1:]
    return b":".join([key, *fields, b""])


def home_of(line: bytes) -> bytes:
    """The directory of an assignment; empty where it names none."""
    return b"".join(line.split(b":")[4:5])


def pair(line: bytes) -> tuple[bytes, bytes]:
    """What a raw record is in users/cdb. See qmail-newu(8)."""
    name, _, rest = line.partition(b":")
    data = rest.replace(b":", b"\0", 5).partition(b":")[0]
    key = b"!" + name[1:].lower()
    return (key if name.startswith(b"+") else key + b"\0"), data


def wildchars(records: Iterable[bytes]) -> bytes:
    """The last bytes of all wildcards: the only places where qmail-lspawn tries a prefix."""
    names = (line.partition(b":")[0] for line in records if line.startswith(b"+"))
    return b"".join(dict.fromkeys(name[-1:] for name in names if len(name) > 1))


def parse(line: bytes) -> Assignment:
    """A raw record with its name folded. Raises BadAssign for what is not one in ASCII."""
    records, dead = cut(line.removesuffix(b"\n") + b"\n.")
    if len(records) != 1 or dead or not records[0].isascii():
        raise BadAssign(gettext_noop("not one record in ASCII"))
    name, user, uid, gid, home, dash, ext, _ = line_value(records[0]).decode("ascii").split(":")
    sign: Sign = "+" if name.startswith("+") else "="
    local = name[1:].lower()
    return Assignment(sign, local, user, _parse_id(uid), _parse_id(gid), home, dash, ext)


def _parse_id(text: str) -> int:
    number = read_number(text, HIGHEST_ID + 1)
    if number is None:
        raise BadAssign(gettext_noop("uid and gid are not numbers"))
    return number
