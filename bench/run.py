"""The measuring process: one host that grows, and what each size of it costs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
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
from qmailpanel.sync.reconcile import Reconciler, all_domains, open_host  # noqa: E402 - as above
from qmailpanel.sync.rounds.scrub import DOMAINS  # noqa: E402 - as above
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
    rows.append(measure_scrub(changes.service.reconciler, largest))
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


def measure_scrub(reconciler: Reconciler, size: int) -> Row:
    """Everything compared, nothing to do; the second time, so that the caches are warm."""
    domains = all_domains()
    for _ in range(2):
        start = time.perf_counter()
        for at in range(0, len(domains), DOMAINS):
            reconciler.is_amiss(domains[at : at + DOMAINS])
        seconds = time.perf_counter() - start
    return Row("scrub, a mailbox", size, seconds / size, None, 60, "µs")
