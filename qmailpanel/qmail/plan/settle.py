"""Three-way: what becomes of one line or file.

| case                    | do                    |
|-------------------------|-----------------------|
| A = W                   | nothing               |
| A = L ≠ W               | write W, or remove    |
| A missing, W present    | write W (heal)        |
| A present, ≠ L, ≠ W     | drift: keep A, say so |
| only A                  | foreign: keep         |
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, auto


class Action(Enum):
    """What the table says to do."""

    NOTHING = auto()
    WRITE = auto()
    REMOVE = auto()
    DRIFT = auto()


def settle(wanted: bytes | None, applied: Collection[bytes], actual: bytes | None) -> Action:
    """The table above. `applied`: more than one after a run that was cut."""
    if actual == wanted:
        return Action.NOTHING
    if actual is None:
        return Action.WRITE
    if actual not in applied:
        return Action.DRIFT
    return Action.REMOVE if wanted is None else Action.WRITE
