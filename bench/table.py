"""The figures as tables, and as a file for the next run to be compared with."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

GOAL_SIZE = 100_000
LATEST = Path(__file__).parent / "latest.json"
UNITS = {"ms": 1e3, "s": 1.0, "µs": 1e6, "MB": 1.0, "": 1.0}


@dataclass(frozen=True)
class Row:
    """A figure (seconds, or what its unit says). The goal is a ratio where there is a floor.

    The goal holds from `goal_size` mailboxes on; smaller hosts show how the figure grows. `where`:
    on which host. Of a kind of change also: the panel's `own` part of the seconds, and a run's
    `queries` and `fsyncs`.
    """

    work: str
    size: int
    value: float
    floor: float | None = None
    goal: float | None = None
    unit: str = "ms"
    goal_size: int = GOAL_SIZE
    where: str = ""
    own: float | None = None
    queries: float | None = None
    fsyncs: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def is_reached(self) -> bool | None:
        if self.goal is None or self.size < self.goal_size:
            return None
        return (self.value * UNITS[self.unit] if self.ratio is None else self.ratio) <= self.goal

    def cells(self) -> list[str]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} ×"
        goal = "" if self.goal is None else f"≤ {self.goal:g} {'×' if self.ratio else self.unit}"
        verdict = {None: "", True: "reached", False: "MISSED"}[self.is_reached]
        counts = ["" if count is None else f"{count:g}" for count in (self.queries, self.fsyncs)]
        seconds = [self.show(self.value), self.show(self.floor), ratio, self.show(self.own)]
        return [self.work, f"{self.size:,}", *seconds, *counts, goal.strip(), verdict]

    def show(self, value: float | None) -> str:
        if value is None:
            return ""
        number = value * UNITS[self.unit]
        digits = 0 if abs(number) >= 1000 else 1 if self.unit else 2
        return f"{number:,.{digits}f} {self.unit}".strip()


HEAD = ["work", "mailboxes", "panel", "floor", "ratio", "own", "queries", "fsyncs", "goal", ""]


def print_rows(rows: Sequence[Row]) -> None:
    """A table for each host."""
    for where in dict.fromkeys(row.where for row in rows):
        print_table(where, HEAD, [row.cells() for row in rows if row.where == where])


def print_table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = [head, *lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print(f"\n{title}\n")
    for cells in table:
        first, *rest = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        print("  ".join([first.strip().ljust(widths[0]), *rest]).rstrip())


def write_latest(rows: Sequence[Row]) -> None:
    figures = [{**asdict(row), "ratio": row.ratio, "reached": row.is_reached} for row in rows]
    machine = {
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    at = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"at": at, **machine, "rows": figures}, indent=1)
    LATEST.write_text(f"{text}\n")
