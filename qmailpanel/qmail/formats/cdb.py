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
from struct import Struct
from typing import BinaryIO

import cdbx

from qmailpanel.qmail.formats import assign

LARGEST = 1 << 30  # bytes
_PAIR = Struct("<II")


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


class FewOf:
    """The same for a few keys: they are read where they are, and nothing is copied.

    `file` stays the caller's to close. See cdb(5) for the format.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._size = os.fstat(file).st_size

    def find(self, key: bytes) -> bytes | None:
        """The data of the first record of that key."""
        number = _hash(key)
        table, slots = self._read_pair(number % 256 * 8)
        for nth in range(slots):
            slot = (number // 256 + nth) % slots
            its, record = self._read_pair(table + slot * 8)
            if not record:
                break
            if its == number and (data := self._read_data(record, key)) is not None:
                return data
        return None

    def _read_data(self, record: int, key: bytes) -> bytes | None:
        """None where it is another key's."""
        of_key, of_data = self._read_pair(record)
        if of_key != len(key) or self._read(record + 8, of_key) != key:
            return None
        return self._read(record + 8 + of_key, of_data)

    def _read_pair(self, at: int) -> tuple[int, int]:
        first, second = _PAIR.unpack(self._read(at, 8))
        return first, second

    def _read(self, at: int, length: int) -> bytes:
        if at + length > self._size:
            raise OSError(errno.EINVAL, "A damaged map")
        part = os.pread(self._file, length, at)
        if len(part) < length:
            raise OSError(errno.EINVAL, "A map that was cut")
        return part


def _hash(key: bytes) -> int:
    number = 5381
    for byte in key:
        number = (number * 33 & 0xFFFFFFFF) ^ byte
    return number


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
