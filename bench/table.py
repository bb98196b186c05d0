"""The figures as a table, and as a file for the next run to be compared with."""

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

    The goals hold for GOAL_SIZE mailboxes; smaller hosts show how the figure grows.
    """

    work: str
    size: int
    value: float
    floor: float | None
    goal: float
    unit: str = "ms"

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def is_reached(self) -> bool | None:
        if self.size < GOAL_SIZE:
            return None
        return (self.value * UNITS[self.unit] if self.ratio is None else self.ratio) <= self.goal

    def cells(self) -> list[str]:
        floor = "" if self.floor is None else self._show(self.floor)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} ×"
        goal = f"≤ {self.goal:g} {'×' if self.ratio else self.unit}".strip()
        verdict = {None: "", True: "reached", False: "MISSED"}[self.is_reached]
        return [self.work, f"{self.size:,}", self._show(self.value), floor, ratio, goal, verdict]

    def _show(self, value: float) -> str:
        number = value * UNITS[self.unit]
        return f"{number:,.{0 if number >= 1000 else 1}f} {self.unit}".strip()


HEAD = ["work", "mailboxes", "panel", "floor", "ratio", "goal", ""]


def print_table(rows: Sequence[Row], title: str) -> None:
    table = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(cells[n]) for cells in table) for n in range(len(HEAD))]
    print(f"\n{title}\n")
    for cells in table:
        first, *rest = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        print("  ".join([first.strip().ljust(widths[0]), *rest]))


def write_latest(rows: Sequence[Row], compiler: str) -> None:
    figures = [{**asdict(row), "ratio": row.ratio, "reached": row.is_reached} for row in rows]
    machine = {
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    at = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"at": at, "compiler": compiler, **machine, "rows": figures}, indent=1)
    LATEST.write_text(f"{text}\n")
