"""What came of a run, before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from qmailpanel.qmail.plan.drift import Drift
from qmailpanel.qmail.plan.questions import Question
from qmailpanel.qmail.plan.state import Problem
from qmailpanel.qmail.plan.steps import Step


@dataclass
class Report:
    """What a run has to say of the domains it was about.

    `changes`: domain number → change it was tried at; those in `live` were read back. Domains
    without a row have no change; what is said of them stands under the number 0. `unseen`: read
    back as well, but Dovecot sees it at that time (of the monotonic clock) only. `problems`
    and `drifts` are by domain number. `steps` were carried out. `waiting`: what a next run would
    do, or the plan at work, which began after `begun` of the steps. `held`: domains whose changes
    wait for the operator; `holding`: how many do on the host, None where that is not known.
    `error` and `cause` concern the whole host. `answered`: no question is left.
    """

    started: datetime
    changes: dict[int, int] = field(default_factory=dict)
    live: set[int] = field(default_factory=set)
    unseen: dict[int, float] = field(default_factory=dict)
    problems: dict[int, Sequence[Problem]] = field(default_factory=dict)
    drifts: dict[int, Sequence[Drift]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    waiting: Sequence[Step] = ()
    begun: int = 0
    held: set[int] = field(default_factory=set)
    holding: int | None = None
    question: Question | None = None
    answered: bool = False
    error: str = ""
    cause: str = ""

    @property
    def domains(self) -> set[int]:
        """Those it says something of."""
        return {*self.changes, *self.problems}
