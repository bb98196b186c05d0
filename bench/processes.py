"""The panel's own processes: how soon they serve, and how much memory they keep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from bench.scene import is_live
from bench.table import Row
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart

PATIENCE = 600.0
THOUSAND = 1_000
SCRUBBED = 8_000  # mailboxes a second, at least
SYNC = [str(settings.BASE_DIR / "manage.py"), "qmailsync"]


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[int]:
    """A process of the panel; its number."""
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def resident(pid: int) -> float:
    """MB in memory of a process and those it started: shared pages are divided among them."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return own / 1024 + sum(resident(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def processor_seconds(pid: int) -> float:
    """That a process and those it started have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_seconds(child) for child in _children(pid))


def until_live(domain: Domain, local: str) -> float:
    """Seconds from the commit of a new mailbox until the service has read it back."""
    address = add_mailbox(SYSTEM, domain, LocalPart(local))
    return wait_for(domain.pk, address.change_id)


def wait_for(domain: int, change: int) -> float:
    start = time.perf_counter()
    while not is_live(domain, change):
        if time.perf_counter() - start > PATIENCE:
            raise RuntimeError("the sync service does not get there")
        time.sleep(0.001)
    return time.perf_counter() - start


def measure_start(size: int, seconds: float, megabytes: float) -> list[Row]:
    """A fresh service: how soon a change is live that was made before it, and its memory."""
    domain = Domain.objects.order_by("id")[0]
    change = add_mailbox(SYSTEM, domain, LocalPart(f"atstart{size}")).change_id
    start = time.perf_counter()
    with running(SYNC) as pid:
        wait_for(domain.pk, change)
        took = time.perf_counter() - start
        most = _most_resident(pid, size / SCRUBBED)
    return [
        Row("start of sync, first change live", size, took, None, seconds, "s"),
        Row("sync process, resident", size, most, None, megabytes, "MB"),
    ]


def _most_resident(pid: int, seconds: float) -> float:
    """In the seconds in which it looks at everything for the first time."""
    most, end = resident(pid), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.2)
        most = max(most, resident(pid))
    return most


def measure_one_after_the_other(size: int, patience: float) -> Row:
    """A thousand mailboxes, each waited for; told from fewer where they take too long."""
    domain = Domain.objects.order_by("id")[0]
    with running(SYNC):
        until_live(domain, "atfirst")
        start, made = time.perf_counter(), 0
        while made < THOUSAND and time.perf_counter() - start < patience:
            until_live(domain, f"after{made}")
            made += 1
        seconds = (time.perf_counter() - start) / made * THOUSAND
    of = "" if made == THOUSAND else f", told from {made}"
    return Row(f"{THOUSAND:,} mailboxes, each waited for{of}", size, seconds, None, 20, "s")


def measure_meanwhile(size: int, add_many: Callable[[], Domain]) -> list[Row]:
    """Whom long work keeps waiting: another domain than that where many mailboxes are added."""
    domain = Domain.objects.order_by("id")[1]
    with running(SYNC) as pid:
        until_live(domain, "before")
        many = add_many()
        time.sleep(0.2)
        waits: list[float] = []
        while not is_live(many.pk, many.change_id):
            waits.append(until_live(domain, f"during{len(waits)}"))
            time.sleep(0.3)
        return [
            Row("another change meanwhile, slowest", size, max(waits), None, 1, "s"),
            Row("sync process, resident, after that", size, resident(pid), None, 450, "MB"),
        ]
