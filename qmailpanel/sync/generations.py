"""How the shared files were: each write keeps what was there and what came, numbered.

The users/assign of a large host has many megabytes, and a change touches a few lines of it. So of
most generations only what differs from the one before is kept: what stands between the lines that
both begin with and those that both end with. Now and then one is kept whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.outcome import Written
from qmailpanel.qmail.plan.steps import printable

from .models import Generation

FAST = 1  # zlib's level: a large users/assign shrinks to a tenth at any
WHOLE_EACH = 25  # generations: how many are put together at most to have one
SHOWN = 20_000  # characters of a diff
AT_ONCE = 1 << 17  # bytes that are compared in one go


class Generations:
    """Keeps them; has the newest content of each file at hand while it lives."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[Generation, bytes]] = {}

    def keep_all(self, written: Mapping[Shared, Written], through: int) -> None:
        for shared, (before, after) in written.items():
            self.keep(shared, before, after, through)

    def keep(self, file: str, before: bytes, after: bytes, through: int) -> None:
        """A file was written. What others wrote before it is a generation of its own."""
        last = _of(settings.QMAILPANEL_NODE, file).order_by("-number").first()
        content = self._content(last, before)
        for new, change in ((before, 0), (after, through)):
            if new != content:
                last = _create(file, last, content, new, change)
                content = new
        if last is not None:
            self._newest[file] = last, after
            if last.head is None:
                _forget(last)

    def _content(self, last: Generation | None, before: bytes) -> bytes | None:
        """Of the last one; `before` itself where it says the same."""
        if last is None:
            return None
        known, content = self._newest.get(last.file, (None, b""))
        if known is not None and (known.pk, known.at) == (last.pk, last.at):
            return content
        pieces = _read_pieces(last)
        return before if _are(pieces, before) else b"".join(pieces)


def _of(node: str, file: str) -> QuerySet[Generation]:
    return Generation.objects.filter(node=node, file=file)


def _create(
    file: str, last: Generation | None, before: bytes | None, content: bytes, through: int
) -> Generation:
    old = before or b""
    head, tail = find_common(old, content)
    came = content[head : len(content) - tail]
    diff = "" if before is None else describe_difference(old[head : len(old) - tail], came)
    number = last.number + 1 if last else 1
    is_whole = before is None or not number % WHOLE_EACH or len(came) > len(content) // 2
    return Generation.objects.create(
        node=settings.QMAILPANEL_NODE,
        file=file,
        number=number,
        at=timezone.now(),
        through=through,
        content=zlib.compress(content if is_whole else came, FAST),
        head=None if is_whole else head,
        tail=0 if is_whole else tail,
        size=len(content),
        diff=diff if len(diff) <= SHOWN else f"{diff[:SHOWN]}\n…",
    )


def _forget(last: Generation) -> None:
    """Those too old, but for what is needed to put the oldest that is kept together.

    Once for each that is kept whole: before that none is too many.
    """
    files = _of(last.node, last.file)
    oldest = last.number - settings.QMAILPANEL_GENERATIONS + 1
    files.filter(number__lt=_number_of_whole(last, oldest)).delete()


def _number_of_whole(generation: Generation, number: int) -> int:
    """Of the last one that is kept whole, up to that number; 0 where there is none."""
    whole = _of(generation.node, generation.file).filter(head=None, number__lte=number)
    return whole.order_by("-number").values_list("number", flat=True).first() or 0


def read_generation(generation: Generation) -> bytes:
    """The content of the file, byte for byte."""
    return b"".join(_read_pieces(generation))


def _read_pieces(generation: Generation) -> list[memoryview]:
    """The same, not put together: a large file is in memory once then."""
    first = _number_of_whole(generation, generation.number)
    rows = _of(generation.node, generation.file)
    pieces, size = list[memoryview](), 0
    for row in rows.filter(number__range=(first, generation.number)).order_by("number"):
        length = row.size - (row.head or 0) - row.tail
        kept = memoryview(zlib.decompress(row.content, bufsize=max(length, 1)))
        if row.head is None:
            pieces = [kept]
        else:
            pieces = [*_cut(pieces, 0, row.head), kept, *_cut(pieces, size - row.tail, size)]
        size = row.size
    return pieces


def _cut(pieces: Iterable[memoryview], start: int, stop: int) -> Iterator[memoryview]:
    """What stands from `start` up to `stop`."""
    at = 0
    for piece in pieces:
        if part := piece[max(start - at, 0) : max(stop - at, 0)]:
            yield part
        at += len(piece)


def _are(pieces: Iterable[memoryview], content: bytes) -> bool:
    """Whether they are this content, put together."""
    view, at = memoryview(content), 0
    for piece in pieces:
        if view[at : at + len(piece)] != piece:
            return False
        at += len(piece)
    return at == len(content)


def find_common(one: bytes, other: bytes) -> tuple[int, int]:
    """How many bytes both begin with and, of the rest, end with, in whole lines."""
    shorter = min(len(one), len(other))
    head = other.rfind(b"\n", 0, _count_equal(one, other, shorter)) + 1
    tail = _count_equal(one, other, shorter - head, from_end=True)
    first = other.find(b"\n", len(other) - tail) if tail else -1
    return head, len(other) - first - 1 if first >= 0 else 0


def _count_equal(one: bytes, other: bytes, most: int, *, from_end: bool = False) -> int:
    """How many bytes are equal from the start, or from the end.

    A little is compared at a time: to copy halves of a large file takes longer.
    """
    equal, step = 0, AT_ONCE
    while equal < most:
        more = min(equal + step, most)
        ours, theirs = (
            text[len(text) - more : len(text) - equal] if from_end else text[equal:more]
            for text in (one, other)
        )
        if ours == theirs:
            equal = more
        else:
            most, step = more - 1, max((more - equal) // 2, 1)
    return equal


def find_difference(before: bytes, after: bytes) -> tuple[list[bytes], list[bytes]]:
    """The lines that went and that came, each in the order of its file."""
    head, tail = find_common(before, after)
    old = control.split_lines(before[head : len(before) - tail])
    new = control.split_lines(after[head : len(after) - tail])
    return _without(old, new), _without(new, old)


def _without(lines: Sequence[bytes], others: Iterable[bytes]) -> list[bytes]:
    known = set(others)
    return [line for line in lines if line not in known]


def describe_difference(before: bytes, after: bytes) -> str:
    """The same as text; where only the order is another, it says so."""
    went, came = find_difference(before, after)
    lines = [*(f"- {_shown(line)}" for line in went), *(f"+ {_shown(line)}" for line in came)]
    if not lines and before != after:
        return "the same lines in another order"
    return "\n".join(lines)


def _shown(line: bytes) -> str:
    return printable(line.rstrip(b"\n").decode("utf-8", "backslashreplace"))
