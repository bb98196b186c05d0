"""Where homes stand by their own marks, whatever the memory says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """Paths below the mail root. `homes`: of each number, all that bear it.

    `unproven`: those whose mark somebody else may have written. `links`: our own links to something
    beside them, as a move leaves one.
    """

    homes: Mapping[int, Sequence[str]]
    unproven: frozenset[str]
    links: Mapping[str, str]
