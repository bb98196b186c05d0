"""Lines and files that somebody else changed, and what a person decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Whose version of a line or file shall stand."""

    OURS = "ours"
    THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class Drift:
    """A line or file that is neither as wanted nor as last applied: kept as it is."""

    file: str
    key: str
    wanted: bytes | None
    applied: bytes | None
    actual: bytes | str


@dataclass(frozen=True, slots=True)
class Decision:
    """What stands on disk, as text that a person saw, and whose version shall stand.

    `change`: the one that says so.
    """

    file: str
    key: str
    actual: str
    side: Side
    change: int = 0


def as_text(line: bytes | str | None) -> str:
    """Bytes of the host as text that a database and a page can hold."""
    if line is None:
        return ""
    text = line if isinstance(line, str) else line.decode("utf-8", "backslashreplace")
    return text.rstrip("\n").replace("\0", "\\x00")
