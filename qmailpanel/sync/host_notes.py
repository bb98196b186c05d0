"""What sync notes of the host from one observation, or run, to the next."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from qmailpanel.qmail.formats.shared_files import LineFile, Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.outcome import Outcome, Written
from qmailpanel.qmail.plan.state import Actual, Applied, Wanted


class HostNotes:
    """`files`: as last observed; none before that."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.files: Mapping[Shared, LineFile] = {}
        self._stamp: object = None  # at the start of the last observation
        self._wrote = False  # we ourselves, since then
        self._touched = False  # by somebody else, as observations saw
        self._disturbed = set[str]()  # domains whose lines somebody else changed
        self._unseen = dict[str, float]()  # domains whose logins Dovecot sees at that time only
        self._written = dict[Shared, Written]()  # since it was last taken

    def observe(self, wanted: Sequence[Wanted], applied: Applied, *, whole: bool = False) -> Actual:
        """See Host.observe."""
        stamp, before = self.host.stamp(), self._stamp
        self._touched |= before is not None and stamp != before and not self._wrote
        self._stamp, self._wrote = stamp, False
        observed = self.host.observe(wanted, applied, whole=whole)
        self.files = observed.actual.shared
        self._disturbed |= observed.disturbed
        return observed.actual

    def is_touched(self) -> bool:
        """Whether somebody changed a file since the last observation, as a cheap look tells."""
        return self.host.stamp() != self._stamp

    def take_touched(self) -> bool:
        """Whether somebody else wrote a file, as any observation since the last call saw."""
        touched, self._touched = self._touched, False
        return touched

    def note(self, outcome: Outcome) -> None:
        self._wrote |= bool(outcome.written)
        self._touched |= outcome.raced
        self._unseen |= outcome.unseen
        for shared, (before, after) in outcome.written.items():
            first = self._written.get(shared)
            self._written[shared] = Written(first.before if first else before, after)

    def settle(self, wanted: Sequence[Wanted]) -> None:
        """These domains are as they are wanted, or it is known why not."""
        self._disturbed -= {one.name for one in wanted if one.part is None}

    def take_disturbed(self) -> set[str]:
        disturbed, self._disturbed = self._disturbed, set()
        return disturbed

    def take_written(self) -> Mapping[Shared, Written]:
        written, self._written = self._written, {}
        return written

    def seen_at(self, name: str) -> float:
        """When Dovecot sees the logins of a domain, by the monotonic clock; 0 where it does."""
        at = self._unseen.get(name, 0.0)
        if time.monotonic() < at:
            return at
        self._unseen.pop(name, None)
        return 0.0
