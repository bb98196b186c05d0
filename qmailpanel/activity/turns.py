"""Whose file is being read: a reader may be slow, and each keeps a thread of the web server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Lock

AT_ONCE = 2
RESTS = 4  # times as long as it works
LONGEST_SECONDS = 1.0
_readers: set[int] = set()
_lock = Lock()


class Turn:
    """The pieces of a file for one person. It ends with the last of them, or when it is closed.

    After each piece it rests longer than that took, so that pages are not kept waiting.
    """

    def __init__(self, person: int, pieces: Iterator[str]) -> None:
        self._person: int | None = person
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        began = time.monotonic()
        try:
            piece = next(self._pieces)
        except BaseException:
            self.close()
            raise
        time.sleep(min(RESTS * (time.monotonic() - began), LONGEST_SECONDS))
        return piece

    def close(self) -> None:
        if self._person is not None:
            _readers.discard(self._person)
            self._person = None

    __del__ = close  # nobody began to read


def take_turn(person: int, pieces: Iterator[str]) -> Turn | None:
    """None while this person reads another file, or as many others as may."""
    with _lock:
        if person in _readers or len(_readers) >= AT_ONCE:
            return None
        _readers.add(person)
    return Turn(person, pieces)
