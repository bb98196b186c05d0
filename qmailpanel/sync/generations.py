"""How the shared files were: each write keeps what was there and what came, numbered."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from qmailpanel.qmail import control
from qmailpanel.qmail.steps import printable

from .models import Generation

FAST = 1  # zlib's level: a large users/assign shrinks to a tenth at any
SHOWN = 20_000  # characters of a diff


def keep_generation(file: str, before: bytes, after: bytes, through: int) -> None:
    """A file was written. What others wrote before it is a generation of its own."""
    node = settings.QMAILPANEL_NODE
    with transaction.atomic():
        last = Generation.objects.filter(node=node, file=file).order_by("-number").first()
        number = last.number if last else 0
        old = _content(last)
        for content, change in ((before, 0), (after, through)):
            if _digest(content) != _digest(old) or not number:
                number += 1
                _create(file, number, old, content, change)
                old = content
        oldest = number - settings.QMAILPANEL_GENERATIONS
        Generation.objects.filter(node=node, file=file, number__lte=oldest).delete()


def _create(file: str, number: int, before: bytes, content: bytes, through: int) -> None:
    diff = "" if number == 1 else describe_difference(before, content)
    Generation.objects.create(
        node=settings.QMAILPANEL_NODE,
        file=file,
        number=number,
        at=timezone.now(),
        through=through,
        content=zlib.compress(content, FAST),
        digest=_digest(content),
        size=len(content),
        diff=diff if len(diff) <= SHOWN else f"{diff[:SHOWN]}\n…",
    )


def _content(generation: Generation | None) -> bytes:
    return zlib.decompress(generation.content) if generation else b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_generation(generation: Generation) -> bytes:
    """The content of the file, byte for byte."""
    return _content(generation)


def find_difference(before: bytes, after: bytes) -> tuple[list[bytes], list[bytes]]:
    """The lines that went and that came, each in the order of its file."""
    old, new = control.split_lines(before), control.split_lines(after)
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
