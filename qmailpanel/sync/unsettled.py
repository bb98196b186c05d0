"""Domains that want another run, because the last one did not settle them."""

from __future__ import annotations

import time
from math import inf

from .report import Report

RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)


class Unsettled:
    """What runs left behind. `retry_at`: when the failed ones are tried again."""

    def __init__(self) -> None:
        self.failed: set[int] = set()
        self.held: set[int] = set()  # their changes wait for the operator
        self.unseen: dict[int, float] = {}  # they are live as soon as Dovecot looked, which is then
        self.retry_at = 0.0
        self._retries = 0

    def note(self, report: Report) -> None:
        """Take in what a run said of its domains."""
        self.held = (self.held - set(report.changes)) | report.held
        others = {d: at for d, at in self.unseen.items() if d not in report.changes}
        self.unseen = others | report.unseen
        settled = {d for d in (*report.live, *report.unseen) if not report.problems.get(d)}
        failed = set(report.changes) - settled
        if failed and not failed <= self.failed:
            self._retries = 0
        self.failed = (self.failed - settled) | failed
        if self.failed:
            wait = RETRY_SECONDS[min(self._retries, len(RETRY_SECONDS) - 1)]
            self.retry_at = time.monotonic() + wait

    def take_due(self) -> set[int]:
        """The failed ones, when it is time to try again; the next wait is longer."""
        if not self.failed or time.monotonic() < self.retry_at:
            return set()
        self._retries += 1
        return self.failed

    def seen_by_now(self) -> set[int]:
        """Those that Dovecot has seen meanwhile."""
        return {domain for domain, at in self.unseen.items() if time.monotonic() >= at}

    def seconds(self) -> float:
        """Until Dovecot sees the next one."""
        return min(self.unseen.values(), default=inf) - time.monotonic()
