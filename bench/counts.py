"""What a run asks of the panel's database, and how often it waits for a disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.kinds import Kind, changes_in
from qmailpanel.domains.models import Domain
from qmailpanel.sync.service import Service

FIRST, ROUNDS = 1_000_000, 3  # their numbers
PATIENCE = 30.0
MARK = "getpriority"  # a system call that nobody else makes
IN_NO_FILE = "/memfd:"
SYNCING = re.compile(r"\b(?:fsync|fdatasync|syncfs|sync)\((?:\d+<([^>]*)>)?")


class Queries:
    """Counts those of a connection, as an `execute_wrapper`."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], *query: Any) -> Any:
        self.count += 1
        return execute(*query)


Fsyncs = dict[Kind, float]


def count_fsyncs(service: Service) -> Fsyncs:
    """How many a run of each kind makes, medians; none without strace. Prints what for."""
    if not shutil.which("strace"):
        print("fsyncs are not counted: strace is missing (apt-get install strace)")
        return {}
    found = _watch(service, Domain.objects.order_by("id")[0])
    if not found:
        print("fsyncs are not counted: strace may not follow this process")
    for kind, runs in found.items():
        print(f"written to disk, {kind.work}: {', '.join(runs[-1])}")
    return {kind: median(map(len, runs)) for kind, runs in found.items()}


def _watch(service: Service, domain: Domain) -> dict[Kind, list[list[str]]]:
    """What each run of each kind had written to disk, in order."""
    log, kinds = Path(service.host.home) / "fsyncs", list[Kind]()
    with _traced(log) as is_traced:
        for number in range(FIRST, FIRST + ROUNDS):
            for kind, _address in changes_in(domain, number):
                os.getpriority(os.PRIO_PROCESS, 0)
                service.take_changes()
                os.getpriority(os.PRIO_PROCESS, 0)
                kinds.append(kind)
            service.take_changes()
    found: dict[Kind, list[list[str]]] = defaultdict(list)
    for kind, paths in zip(kinds, find_fsyncs(log.read_text()), strict=True) if is_traced else ():
        found[kind].append(paths)
    return found


@contextmanager
def _traced(log: Path) -> Iterator[bool]:
    """This process and those that it starts, until the end of the block."""
    calls = f"trace=fsync,fdatasync,syncfs,sync,{MARK}"
    command = ["strace", "-f", "-y", "-e", calls, "-o", str(log), "-p", str(os.getpid())]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield "attached" in strace.stderr.readline() if strace.stderr else False
    finally:
        strace.terminate()
        strace.communicate(timeout=PATIENCE)


def find_fsyncs(log: str) -> Iterator[list[str]]:
    """What was written to disk between two marks, from what strace says."""
    runs = re.split(rf"^.*\b{MARK}\(.*$", log, flags=re.MULTILINE)
    for run in runs[1::2]:
        paths = [match[1] or "everything" for match in SYNCING.finditer(run)]
        yield [_shorten(path) for path in paths if not path.startswith(IN_NO_FILE)]


def _shorten(path: str) -> str:
    """Its last two names."""
    return "/".join(path.split("/")[-2:])
