"""How long work gives way.

A *pause* is where work may be interrupted. A *round* is a generator: it yields at each pause and
returns its result, so whoever runs it decides when it goes on. Work that must not be left half
done, like a plan at work under the lock, cannot be put aside: it calls a `Pause` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")

Round = Generator[None, None, T]
Pause = Callable[[], None]


def finish(work: Round[T]) -> T:
    """Do all of a round at once, whatever its pauses."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
