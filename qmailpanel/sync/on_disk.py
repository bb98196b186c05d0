"""Whether what is seen on the host is on its disks, and no power cut takes it."""

from __future__ import annotations

from collections.abc import Callable

from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.outcome import Outcome, Told
from qmailpanel.qmail.plan.order import Plan
from qmailpanel.qmail.plan.steps import Step


class OnDisk:
    """It is not surely, where a run was killed or a plan was not carried out to its end."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._version: int | None = None  # of the memory, when it was

    def ensure(self) -> None:
        """Also of what another process did: it may have been killed."""
        version = self._host.memory.version
        if version != self._version:
            self._host.flush()
            self._version = version

    def apply(self, plan: Plan, report: Callable[[Step], None], pause: Told) -> Outcome:
        """See Host.apply, which brings to disk what it does, unless something goes wrong."""
        outcome = self._host.apply(plan, report, pause)
        if outcome.failed or outcome.raced or outcome.error:
            self._version = None
        return outcome
