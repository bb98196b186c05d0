"""Where the time of a change goes on a small host, where nothing but its fixed cost counts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any
from unittest.mock import patch

from bench.kinds import KINDS, Kind, changes_in
from bench.table import print_table
from qmailpanel.domains.models import Domain
from qmailpanel.qmail.host import mail_host
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.sync import reconcile
from qmailpanel.sync.generations import Generations
from qmailpanel.sync.host_facts import HostFacts
from qmailpanel.sync.host_notes import HostNotes
from qmailpanel.sync.service import Service

PHASES: Sequence[tuple[str, Any, str]] = (
    ("wanted", reconcile, "read_intended"),
    ("memory", Memory, "sections"),
    ("observe", HostNotes, "observe"),
    ("plan", reconcile, "make_plan"),
    ("before", Memory, "intend"),
    ("apply", Host, "apply"),
    ("compile", mail_host, "compile_map"),
    ("after", Memory, "finish"),
    ("report", reconcile, "publish"),
    ("facts", HostFacts, "publish"),
    ("generations", Generations, "keep_all"),
)
REST = "rest"
FIRST, ROUNDS = 2_000_000, 15  # their numbers


class Clock:
    """Seconds by phase; what a phase spends in another one counts there alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._since = 0.0
        self._now = [REST]

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        self._turn()
        self._now.append(phase)
        try:
            yield
        finally:
            self._turn()
            self._now.pop()

    def _turn(self) -> None:
        now = time.perf_counter()
        self.seconds[self._now[-1]] += now - self._since
        self._since = now

    def timed(self, phase: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **options: Any) -> Any:
            with self.during(phase):
                return work(*args, **options)

        return wrapper

    def take(self) -> Mapping[str, float]:
        """Since the last time."""
        self._turn()
        taken, self.seconds = self.seconds, defaultdict(float)
        return taken


def print_phases(service: Service, domain: Domain) -> None:
    """A line for each kind of change: milliseconds, medians."""
    samples = _measure(service, domain)
    names = [*(name for name, _, _ in PHASES), REST]
    lines = [
        [kind.work, *(f"{1e3 * median(one[name] for one in samples[kind]):.2f}" for name in names)]
        for kind in KINDS
    ]
    print_table("Phases of a change with 100 mailboxes, ms", ["work", *names], lines)


def _measure(service: Service, domain: Domain) -> Mapping[Kind, Sequence[Mapping[str, float]]]:
    samples: dict[Kind, list[Mapping[str, float]]] = defaultdict(list)
    with _clocked() as clock:
        for number in range(FIRST, FIRST + ROUNDS):
            for kind, _ in changes_in(domain, number):
                clock.take()
                service.take_changes()
                samples[kind].append(clock.take())
            service.take_changes()
    return samples


@contextmanager
def _clocked() -> Iterator[Clock]:
    clock = Clock()
    patches = [
        patch.object(owner, name, clock.timed(phase, getattr(owner, name)))
        for phase, owner, name in PHASES
    ]
    for one in patches:
        one.start()
    try:
        yield clock
    finally:
        for one in patches:
            one.stop()
