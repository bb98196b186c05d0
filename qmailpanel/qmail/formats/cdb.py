"""users/cdb, the compiled users/assign. See qmail-newu(8).

    !100-biliards NUL   the assignment of one name
    !100-               of every name that begins so
    (empty key)         the bytes that wildcards end in

The data of an assignment is `user`, `uid`, `gid`, `home`, `dash`, `ext`, separated by NUL. Of
equal keys the first counts.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

import cdbx

from qmailpanel.qmail.formats import assign

LARGEST = 1 << 30  # bytes


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
    """A map to ask, as the file is now. A damaged one raises OSError.

    cdbx maps it into memory, and of a file that somebody cuts that would end the process: so it
    gets a copy.
    """

    def __init__(self, file: BinaryIO | int) -> None:
        self._cdb = cdbx.CDB(_copy(file), close=True)

    def find(self, key: bytes) -> bytes | None:
        """The data of the first record of that key."""
        data: bytes | None = self._cdb.get(key)
        return data

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """All of them, in their order."""
        yield from self._cdb.items(all=True)


def _copy(file: BinaryIO | int) -> int:
    """In memory, open. Raises OSError for more than any map has."""
    source = file if isinstance(file, int) else file.fileno()
    copy = os.memfd_create("cdb")
    try:
        size = 0
        while part := os.sendfile(copy, source, size, LARGEST + 1 - size):
            size += part
            if size > LARGEST:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    except BaseException:
        os.close(copy)
        raise
    return copy
