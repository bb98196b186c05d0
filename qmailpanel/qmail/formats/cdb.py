"""users/cdb, the compiled users/assign. See qmail-newu(8).

    !100-biliards NUL   the assignment of one name
    !100-               of every name that begins so
    (empty key)         the bytes that wildcards end in

The data of an assignment is `user`, `uid`, `gid`, `home`, `dash`, `ext`, separated by NUL. Of
equal keys the first counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

import cdbx

from qmailpanel.qmail.formats import assign


class BadMap(OSError):
    """qmail-lspawn would defer every message: the map has no record of wildcards."""


def compile_assign(content: bytes, file: BinaryIO) -> None:
    """Write the map of a users/assign, to the byte as qmail-newu does. Raises BadAssign."""
    records, _ = assign.cut(content)
    pairs = map(assign.pair, records)
    compile_records(chain(pairs, [(b"", assign.wildchars(records))]), file)


def compile_records(records: Iterable[tuple[bytes, bytes]], file: BinaryIO) -> None:
    """Write a map into an empty file open for reading and writing."""
    maker = cdbx.CDB.make(file)
    for key, data in records:
        maker.add(key, data)
    maker.commit().close()


def assign_key(key: bytes) -> bytes:
    """The record of an assignment: `=100-biliards` → `!100-biliards NUL`, `+100-` → `!100-`."""
    return b"!" + key[1:] + (b"" if key.startswith(b"+") else b"\0")


def assign_line(key: bytes, data: bytes) -> bytes | None:
    """A record as the line of users/assign it was made of; None for that of the wildcards."""
    if not key.startswith(b"!"):
        return None
    sign = b"=" if key.endswith(b"\0") else b"+"
    return sign + key[1:].removesuffix(b"\0") + b":" + data.replace(b"\0", b":") + b":\n"


class AnyMap:
    """A map to ask. A damaged one raises OSError; the file stays the caller's to close."""

    def __init__(self, file: BinaryIO | int) -> None:
        self._cdb = cdbx.CDB(file)

    def find(self, key: bytes) -> bytes | None:
        """The data of the first record of that key."""
        found: bytes | None = self._cdb.get(key)
        return found

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """All of them, in their order."""
        yield from self._cdb.items(all=True)


class AssignMap(AnyMap):
    """users/cdb to ask."""

    def get(self, key: bytes) -> bytes | None:
        """The data that counts for the key of an assignment: `=100-biliards`, `+100-`."""
        return self.find(assign_key(key))

    def lookup(self, local: bytes) -> bytes | None:
        """What qmail-lspawn finds for a local name: data, the rest of the name at the end of it.

        Exact first, then the longest wildcard. None: the name is left to qmail-getpw(8).
        """
        wildchars = self.find(b"")
        if wildchars is None:
            raise BadMap("users/cdb does not say what wildcards end in")
        name = b"!" + local.lower()
        data = self.find(name + b"\0")
        if data is not None:
            return data
        for length in range(len(name), 0, -1):
            if length == 1 or name[length - 1] in wildchars:
                data = self.find(name[:length])
                if data is not None:
                    return data + local[length - 1 :]
        return None

    def lines(self) -> Iterator[bytes]:
        """The records as lines of users/assign, in their order: the way back when it is lost."""
        lines = (assign_line(key, data) for key, data in self.records())
        yield from (line for line in lines if line is not None)
