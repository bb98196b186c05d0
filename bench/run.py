"""The measuring process: one host that grows, and what each size of it costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import django

from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state

prepare_state(read_settings(os.environ))
django.setup()

import json  # noqa: E402 - only now is the panel there
import logging  # noqa: E402 - as above
from dataclasses import asdict  # noqa: E402 - as above
from pathlib import Path  # noqa: E402 - as above

from django.conf import settings  # noqa: E402 - as above

from bench import processes, scene  # noqa: E402 - as above
from bench.apart import ROWS  # noqa: E402 - as above
from bench.changes import MANY, Changes  # noqa: E402 - as above
from bench.checkpassword import measure_helper  # noqa: E402 - as above
from bench.counts import count_fsyncs  # noqa: E402 - as above
from bench.floor import Floor  # noqa: E402 - as above
from bench.pages import Pages  # noqa: E402 - as above
from bench.phases import print_phases  # noqa: E402 - as above
from bench.table import Row  # noqa: E402 - as above
from qmailpanel.domains.models import Domain  # noqa: E402 - as above
from qmailpanel.mailboxes.models import Mailbox  # noqa: E402 - as above
from qmailpanel.qmail.host.examine_homes import examine_homes_of  # noqa: E402 - as above
from qmailpanel.qmail.pause import Round, finish  # noqa: E402 - as above
from qmailpanel.sync.reconcile import Reconciler, open_host  # noqa: E402 - as above
from qmailpanel.sync.rounds.scrub import DOMAINS  # noqa: E402 - as above
from qmailpanel.sync.scope import all_domains  # noqa: E402 - as above
from qmailpanel.sync.service import Service  # noqa: E402 - as above

SMALL, EACH = 100, 100
MILLION = 1_000_000
FIXED_MS, FIXED_QUERIES = 10, 12


def run(name: str, mailboxes: int, samples: int, patience: float) -> None:
    """Measure a host, which begins as a small one, and write its rows."""
    logging.disable(logging.INFO)
    scene.prepare()
    floor, service = Floor(settings.QMAILPANEL_QMAIL_HOME), Service(open_host())
    with setting_up(f"{SMALL} mailboxes, {floor.compiler}", service):
        scene.add_domains(1, SMALL)
    changes = Changes(service, floor, count_fsyncs(service), samples, patience)
    measures = {"many": measure_many, "one": measure_one, "million": measure_million}
    with Path(os.environ[ROWS]).open("a") as file:
        for row in measures[name](changes, mailboxes):
            print(json.dumps(asdict(row)), file=file, flush=True)


def measure_many(changes: Changes, mailboxes: int) -> Iterator[Row]:
    """Domains of a hundred mailboxes."""
    service = changes.service
    for size in _sizes(1_000, mailboxes):
        with setting_up(f"{size:,} mailboxes in domains of {EACH}", service):
            scene.grow(size)
        yield from changes.measure(size)
    yield from measure_rounds(service, mailboxes)
    yield from processes.measure_start(mailboxes, 5, 150)
    yield from processes.measure_meanwhile(mailboxes, lambda: scene.add_domains(1, MANY)[0])
    yield changes.measure_many(mailboxes)
    yield from Pages().measure(mailboxes)
    yield from measure_helper(mailboxes, changes.samples)


def measure_one(changes: Changes, mailboxes: int) -> Iterator[Row]:
    """One domain of that many, and at the end a small one beside it."""
    service, domain = changes.service, Domain.objects.get()
    yield from _measure_fixed(changes, domain)
    for size in _sizes(1_000, mailboxes):
        with setting_up(f"{size:,} mailboxes in one domain", service):
            scene.widen(domain, size)
        yield from changes.measure(size)
    yield from processes.measure_start(mailboxes, 5, 450)
    yield processes.measure_one_after_the_other(mailboxes, changes.patience)
    with setting_up("another domain", service):
        scene.add_domains(1, SMALL)
    yield from processes.measure_meanwhile(mailboxes, lambda: scene.widen(domain, mailboxes + MANY))


def measure_million(changes: Changes, _mailboxes: int) -> Iterator[Row]:
    """20,000 domains of fifty mailboxes, made in parts that fit into memory."""
    while Mailbox.objects.count() < MILLION:
        with setting_up("50,000 mailboxes more, in domains of fifty", changes.service):
            scene.add_domains(1_000, 50)
    yield from processes.measure_start(MILLION, 60, 450)
    yield from changes.measure(MILLION)
    yield changes.measure_domains(MILLION)


def _sizes(first: int, last: int) -> Iterator[int]:
    """Ten times as many each time."""
    while first < last:
        yield first
        first *= 10
    yield last


def _measure_fixed(changes: Changes, domain: Domain) -> Iterator[Row]:
    """What a change costs where nothing is large."""
    rows = changes.measure(SMALL)
    yield from rows
    kinds = [row for row in rows if row.queries]
    most = max(row.queries or 0 for row in kinds)
    slowest = max(row.value for row in kinds)
    yield Row("fixed cost, slowest kind", SMALL, slowest, None, FIXED_MS, goal_size=SMALL)
    yield Row("queries of a run, at most", SMALL, most, None, FIXED_QUERIES, "", goal_size=SMALL)
    print_phases(changes.service, domain)


@contextmanager
def setting_up(what: str, service: Service) -> Iterator[None]:
    """Rows are written in the block; the service makes files and homes of them."""
    start = time.perf_counter()
    yield
    written = time.perf_counter()
    service.take_changes()
    made = time.perf_counter()
    print(f"{what}: rows {written - start:.1f} s, files {made - written:.1f} s", flush=True)


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
