"""Lines in the order of their keys, as one text: some are found and replaced without the others.

The key of a line is what stands before its first `end`, a byte. A range is of keys, from the
first up to the second; ranges are in order and do not meet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

Range = tuple[bytes, bytes]

ALL: Sequence[Range] = ((b"", b"\xff"),)


def exactly(key: bytes) -> Range:
    return key, key + b"\0"


def beginning(key: bytes) -> Range:
    """All keys that begin so."""
    return key, key + b"\xff"


def find_spans(text: bytes, ranges: Sequence[Range], end: bytes) -> list[tuple[int, int]]:
    """For each range: where its lines begin and end."""
    if ranges is ALL:
        return [(0, len(text))]
    spans, stop = list[tuple[int, int]](), 0
    for first, last in ranges:
        start = stop = _find(text, first, end, stop)
        while stop < len(text) and _key_at(text, stop, end) < last:
            stop = text.index(b"\n", stop) + 1
        spans.append((start, stop))
    return spans


def _find(text: bytes, key: bytes, end: bytes, low: int) -> int:
    """Where the first line begins, from `low` on, that does not come before the key."""
    high = len(text)
    while low < high:
        start = text.rfind(b"\n", low, (low + high) // 2) + 1 or low
        if _key_at(text, start, end) < key:
            low = text.index(b"\n", start) + 1
        else:
            high = start
    return low


def _key_at(text: bytes, start: int, end: bytes) -> bytes:
    return text[start : text.index(end, start)]


def splice(text: bytes, ranges: Sequence[Range], lines: Mapping[bytes, bytes], end: bytes) -> bytes:
    """The text with these lines, by key, in the place of all that are in the ranges."""
    news = sorted(lines.items())
    keys, view = [key for key, _ in news], memoryview(text)
    parts, at = list[bytes | memoryview](), 0
    for (first, last), (start, stop) in zip(ranges, find_spans(text, ranges, end), strict=True):
        own = news[bisect_left(keys, first) : bisect_left(keys, last)]
        parts += [view[at:start], *(line for _, line in own)]
        at = stop
    return b"".join([*parts, view[at:]])
