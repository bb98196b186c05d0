"""What is done and is not so afterwards, time and again: it fails alone, or the run had no end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from qmailpanel.qmail.plan.steps import Concern, Failed, LoginStep, PathStep, Step, concern_of

TIMES = 3
NOT_SO = f"it was done {TIMES} times, and was not so afterwards"


class Repeats:
    """Counts the steps of one run, and passes them on to `report`."""

    def __init__(self, report: Callable[[Step], None]) -> None:
        self._report = report
        self._times = Counter[tuple[type[Step], Concern]]()

    def add_step(self, step: Step) -> None:
        """One that is carried out now."""
        if isinstance(step, PathStep | LoginStep):
            self._times[type(step), concern_of(step)] += 1
        self._report(step)

    @property
    def failed(self) -> Failed:
        """What was done so often that doing it again would not help."""
        return {of: NOT_SO for (_, of), times in self._times.items() if times >= TIMES}
