"""What the doctor says: a trap, the file and line where it lies, and the way out.

A trap's two sentences are templates, marked for translation here and translated where they are
shown; what fills them comes from outsiders and is made printable. `%(command)s` in a remedy is what
the panel's commands are called where it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from qmailpanel.qmail.pause import Round
from qmailpanel.qmail.plan.steps import printable

SHOWN = 120  # characters of somebody's line
FEW = 3  # of one trap are told one by one
PLACES = 5  # of many are named


class Severity(StrEnum):
    """What a trap does to mail."""

    ALARM = "alarm"  # lost, bounced, refused to all, or relayed for everybody
    TROUBLE = "trouble"  # some of it late, refused, or not where a person would expect it
    NOTE = "note"  # nothing yet


@dataclass(frozen=True, slots=True)
class Trap:
    """What it means for mail, and the remedy."""

    meaning: str
    remedy: str
    severity: Severity = Severity.TROUBLE

    def at(self, file: str, number: int | None = None, /, **params: bytes | str) -> Finding:
        """The trap where it lies. `number`: of the line, where it is one line's."""
        shown = {name: show(text) for name, text in params.items()}
        return Finding(printable(file), number, self, shown)


@dataclass(frozen=True, slots=True)
class Finding:
    """A trap in a file of this host; `file` is relative to the qmail home, or absolute.

    One of many stands for all: `count` of them, the next few at the places `also`.
    """

    file: str
    number: int | None
    trap: Trap
    params: Mapping[str, str]
    count: int = 1
    also: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """File and line, as compilers write it."""
        return self.file if self.number is None else f"{self.file}:{self.number}"

    @property
    def meaning(self) -> str:
        """In English."""
        return self.trap.meaning % self.params

    @property
    def remedy(self) -> str:
        """In English."""
        return self.trap.remedy % {**self.params, "command": "qmailpanel"}


Findings = Iterator[Finding | None]  # None: a pause; see pause.py
LINES = 2_000  # of a file, between two pauses


def show(text: bytes | str) -> str:
    """A foreign text within a sentence: short, and without power over a terminal."""
    decoded = text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")
    line = printable(decoded[: SHOWN + 1])
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def gather(findings: Findings) -> Round[list[Finding]]:
    """All findings, as the result of a round that pauses where they do."""
    gathered = list[Finding]()
    for finding in findings:
        if finding is None:
            yield
        else:
            gathered.append(finding)
    return gathered


def shorten(findings: Findings) -> Findings:
    """Many of one trap as one, which says how many there are and where the first of them lie."""
    of_trap: dict[Trap, list[Finding]] = {}
    counts: Counter[Trap] = Counter()
    for finding in findings:
        if finding is None:
            yield None
            continue
        counts[finding.trap] += 1
        if counts[finding.trap] <= 1 + PLACES:
            of_trap.setdefault(finding.trap, []).append(finding)
    for trap, first in of_trap.items():
        yield from first if counts[trap] <= FEW else [_stand_for(first, counts[trap])]


def _stand_for(first: Sequence[Finding], count: int) -> Finding:
    return replace(first[0], count=count, also=tuple(one.place for one in first[1:]))
