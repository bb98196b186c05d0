"""What the host answers: what was seen, and what comes of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.plan.state import Actual
from qmailpanel.qmail.plan.steps import Failed, FlushTree, LoginsOf, LoginStep, Step


@dataclass(frozen=True)
class Observed:
    """The host as it is.

    `disturbed`: domains of which somebody else changed lines that were not looked at.
    """

    actual: Actual
    disturbed: frozenset[str] = frozenset()


class Written(NamedTuple):
    """A shared file that was written: what was there, and what came."""

    before: bytes
    after: bytes


@dataclass(frozen=True)
class Outcome:
    """What came of a plan; of `written` and `unseen` what came since the last pause.

    `failed`: what could not be done, with the cause. `unseen`: domains whose logins Dovecot sees at
    that time of the monotonic clock only. `raced`: somebody else wrote a file meanwhile, so observe
    and plan again. `error`: why the run cannot go on.
    """

    failed: Failed = field(default_factory=dict)
    written: Mapping[Shared, Written] = field(default_factory=dict)
    unseen: Mapping[str, float] = field(default_factory=dict)
    raced: bool = False
    error: HostError | None = None


Told = Callable[[Outcome], None]


class Work:
    """A plan at work: what came of it, and has not been told yet."""

    def __init__(self, pause: Told) -> None:
        self._pause = pause
        self.failed: Failed = {}
        self.written = dict[Shared, Written]()
        self.unseen = dict[str, float]()

    def must_stop_before(self, step: Step) -> bool:
        """Nothing points to what could not be made, nor goes while logins still lead there."""
        if isinstance(step, FlushTree):
            return bool(self.failed)
        is_next = not isinstance(step, LoginStep)
        return is_next and any(isinstance(what, LoginsOf) for what in self.failed)

    def pause(self) -> None:
        self._pause(self.tell())

    def tell(self, *, raced: bool = False, error: HostError | None = None) -> Outcome:
        outcome = Outcome(dict(self.failed), self.written, self.unseen, raced, error)
        self.written, self.unseen = {}, {}
        return outcome
