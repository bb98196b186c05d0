"""The measuring process: one host that grows, and what each size of it costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import django

from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state

prepare_state(read_settings(os.environ))
django.setup()

import logging  # noqa: E402 - only now is the panel there

from django.conf import settings  # noqa: E402 - as above

from bench import processes, scene  # noqa: E402 - as above
from bench.changes import Changes  # noqa: E402 - as above
from bench.checkpassword import measure_helper  # noqa: E402 - as above
from bench.floor import Floor  # noqa: E402 - as above
from bench.pages import Pages  # noqa: E402 - as above
from bench.table import Row, print_table, write_latest  # noqa: E402 - as above
from qmailpanel.qmail.host.examine_homes import examine_homes_of  # noqa: E402 - as above
from qmailpanel.qmail.pause import Round, finish  # noqa: E402 - as above
from qmailpanel.sync.reconcile import Reconciler, open_host  # noqa: E402 - as above
from qmailpanel.sync.rounds.scrub import DOMAINS  # noqa: E402 - as above
from qmailpanel.sync.scope import all_domains  # noqa: E402 - as above
from qmailpanel.sync.service import Service  # noqa: E402 - as above


def run(sizes: Sequence[int], samples: int, assignments: int, domains: int) -> None:
    """Measure everything, print the table, write latest.json."""
    logging.disable(logging.INFO)
    scene.prepare()
    floor = Floor(settings.QMAILPANEL_QMAIL_HOME)
    changes = Changes(Service(open_host()), floor)
    rows: list[Row] = []
    for size in sizes:
        with setting_up(f"{size:,} mailboxes"):
            scene.grow(size)
            changes.service.take_changes()
        rows += changes.measure(size, samples)
    largest = sizes[-1]
    rows += measure_rounds(changes.service, largest)
    rows += processes.measure_start(largest, 5, 150)
    rows += processes.measure_meanwhile(largest)
    rows.append(changes.measure_many(largest))
    rows += Pages().measure(largest)
    rows += measure_helper(largest, samples)
    if assignments:
        rows += measure_assignments(assignments, changes, samples)
    if domains:
        with setting_up(f"{domains:,} domains"):
            scene.grow_domains(domains)
            changes.service.take_changes()
        rows.append(changes.measure_domains(domains, samples))
    print_table(rows, f"compiler: {floor.compiler}")
    write_latest(rows, floor.compiler)


def measure_assignments(assignments: int, changes: Changes, samples: int) -> list[Row]:
    """Most of them aliases of a mailbox, which have no home."""
    with setting_up(f"{assignments:,} assignments"):
        scene.grow_aliases(assignments)
        changes.service.take_changes()
    rows = changes.measure(assignments, samples)
    return rows + processes.measure_start(assignments, 60, 1_000)


@contextmanager
def setting_up(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what} set up in {time.perf_counter() - start:.1f} s", flush=True)


def measure_rounds(service: Service, size: int) -> list[Row]:
    """Everything looked at, nothing to do; the second time, so that the caches are warm."""
    layout = service.host.layout
    rounds: dict[str, tuple[Callable[[], Round[object]], float]] = {
        "scrub, a mailbox": (lambda: _compare_all(service.reconciler), 60),
        "doctor, a home": (lambda: examine_homes_of(layout, everywhere=False), 120),
        "usage, a mailbox": (service.usage.read_all, 150),
    }
    return [
        Row(what, size, _seconds_of_second(begin) / size, None, goal, "µs")
        for what, (begin, goal) in rounds.items()
    ]


def _seconds_of_second(begin: Callable[[], Round[object]]) -> float:
    finish(begin())
    start = time.perf_counter()
    finish(begin())
    return time.perf_counter() - start


def _compare_all(reconciler: Reconciler) -> Round[None]:
    domains = all_domains()
    for at in range(0, len(domains), DOMAINS):
        reconciler.is_amiss(domains[at : at + DOMAINS])
        yield
