"""What somebody else changed, and what a person decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from qmailpanel.qmail.formats.shared_files import Shared


class Side(StrEnum):
    """Whose version of a line or file shall stand."""

    OURS = "ours"
    THEIRS = "theirs"


class DriftKind(StrEnum):
    """What may drift: a line of a shared file, a dot-qmail file."""

    LINE = "line"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Subject:
    """What this drift is about. `file`: a shared file or a path; `key`: a line's, else the path."""

    kind: DriftKind
    file: str
    key: str

    @classmethod
    def of_line(cls, shared: Shared, key: bytes) -> Self:
        return cls(DriftKind.LINE, shared, key.decode("latin-1"))

    @classmethod
    def of_file(cls, path: str) -> Self:
        return cls(DriftKind.FILE, path, path)

    @property
    def line(self) -> tuple[Shared, bytes] | None:
        """The shared file and the key in it, if this is about a line."""
        if self.kind is not DriftKind.LINE:
            return None
        return Shared(self.file), self.key.encode("latin-1")


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that is neither as wanted nor as last applied: kept as it is."""

    subject: Subject
    wanted: bytes | None
    applied: bytes | None
    actual: bytes | str


@dataclass(frozen=True, slots=True)
class Decision:
    """What stands on disk, as text that a person saw, and whose version shall stand.

    `change`: the one that says so.
    """

    subject: Subject
    actual: str
    side: Side
    change: int = 0


def as_text(line: bytes | str | None) -> str:
    """Bytes of the host as text that a database and a page can hold."""
    if line is None:
        return ""
    text = line if isinstance(line, str) else line.decode("utf-8", "backslashreplace")
    return text.rstrip("\n").replace("\0", "\\x00")
