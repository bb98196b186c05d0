"""The arguments of multilog(8), and the names of the files it is done with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_NUMBER = re.compile(rb"([sn])([0-9]{1,18})")
_STAMP = re.compile(r"@([0-9a-f]{16})[0-9a-f]{8}\.[su]")
_OF_SEND = re.compile(rb"(?:^| )(?:status: local|new msg|starting delivery|end msg) ", re.MULTILINE)


class LogDirectory(NamedTuple):
    """Where it keeps `files` files of `size` bytes."""

    path: bytes
    size: int
    files: int


def read_directories(words: Iterable[bytes]) -> Iterator[LogDirectory]:
    """The directories that it writes to; what is said of them stands before each."""
    numbers = {b"s": 99_999, b"n": 10}
    for word in words:
        if number := _NUMBER.fullmatch(word):
            numbers[number[1]] = int(number[2])
        elif word.startswith((b"/", b".")):
            yield LogDirectory(word, numbers[b"s"], numbers[b"n"])


def read_stamp(name: str) -> int | None:
    """When it was done with a file, by the clock of the machine; None for other files."""
    stamp = _STAMP.fullmatch(name)
    return int(stamp[1], 16) - (1 << 62) - 10 if stamp else None


def is_of_send(content: bytes) -> bool:
    """Whether qmail-send said any of it. See qmail-log(5)."""
    return _OF_SEND.search(content) is not None
