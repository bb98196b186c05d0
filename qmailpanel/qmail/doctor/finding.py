"""What the doctor says: a trap, the file and line where it lies, and the way out.

A trap's two sentences are templates, marked for translation here and translated where they are
shown; what fills them comes from outsiders and is made printable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from qmailpanel.qmail.names import gettext_noop
from qmailpanel.qmail.pause import Round
from qmailpanel.qmail.plan.steps import printable

SHOWN = 120  # characters of somebody's line
MOST = 20  # findings of one trap in one file, or in all homes


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
    """A trap in a file of this host; `file` is relative to the qmail home, or absolute."""

    file: str
    number: int | None
    trap: Trap
    params: Mapping[str, str]

    @property
    def meaning(self) -> str:
        """In English."""
        return self.trap.meaning % self.params

    @property
    def remedy(self) -> str:
        """In English."""
        return self.trap.remedy % self.params


Findings = Iterator[Finding | None]  # None: a pause; see pause.py
LINES = 2_000  # of a file, between two pauses

ALSO = Trap(
    gettext_noop("%(count)s more of this kind: %(meaning)s"),
    gettext_noop("As above; ./manage.py doctor --all names each of them."),
    Severity.NOTE,
)


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
    """At most so many of one kind, and how many more there are."""
    counted: Counter[tuple[Trap, str]] = Counter()
    last: dict[tuple[Trap, str], Finding] = {}
    for finding in findings:
        if finding is not None:
            kind = finding.trap, "" if finding.file.startswith("/") else finding.file
            counted[kind] += 1
            if counted[kind] > MOST:
                last[kind] = finding
                continue
        yield finding
    for kind, finding in last.items():
        count = str(counted[kind] - MOST)
        yield ALSO.at(finding.file, finding.number, count=count, meaning=finding.meaning)
