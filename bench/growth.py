"""How a change grows with its domain, and whether it is the same in domains of any size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log

from bench.table import Row, print_table

EXPONENT = 0.1
LEAST = 0.0005  # seconds: less than that is not told from the floor
NOISE = 1.25


def exponents(rows: Sequence[Row]) -> Iterator[Row]:
    """Of the panel's own part of each kind of change, by least squares on logarithms."""
    for work, those in _by_work(rows).items():
        points = [(log(row.size), log(max(row.own or 0, LEAST))) for row in those]
        if len(points) > 1:
            last = those[-1]
            text = f"exponent, {work}"
            yield Row(text, last.size, slope(points), None, EXPONENT, "", where=last.where)


def _by_work(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Those of changes, smallest first."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.own is not None:
            found[row.work].append(row)
    return found


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line that fits best."""
    mean = [sum(axis) / len(points) for axis in zip(*points, strict=True)]
    across: float = sum((x - mean[0]) ** 2 for x, _ in points)
    along: float = sum((x - mean[0]) * (y - mean[1]) for x, y in points)
    return along / across


def print_growth(rows: Sequence[Row], where: str) -> None:
    """What is the panel's own of each kind of change, from the smallest to the largest host."""
    found = _by_work(row for row in rows if row.where == where)
    sizes = sorted({row.size for those in found.values() for row in those})
    if len(sizes) > 1:
        head = ["the panel's own part", *(f"{size:,}" for size in sizes)]
        lines = [[work, *(row.show(row.own) for row in those)] for work, those in found.items()]
        print_table(f"Growth, {where}", head, lines)


def print_shapes(rows: Sequence[Row], one: str, other: str) -> None:
    """Each kind of change on the largest host of either shape, beside each other."""
    here, there = (_by_work(row for row in rows if row.where == where) for where in (one, other))
    lines = [_compare(work, here[work][-1], there[work][-1]) for work in here if work in there]
    if lines:
        print_table("The same in both?", ["work", one, other, "times", "goal", ""], lines)


def _compare(work: str, one: Row, other: Row) -> list[str]:
    """By their ratios to the floor, because that of the other host was another one."""
    times = (other.ratio or 0) / (one.ratio or 1)
    shown = [f"{row.show(row.value)} ({row.ratio:.2f} ×)" for row in (one, other)]
    verdict = "reached" if 1 / NOISE <= times <= NOISE else "MISSED"
    return [work, *shown, f"{times:.2f}", f"≤ {NOISE:g}", verdict]
