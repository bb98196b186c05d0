"""What came of a run, before it is published."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from qmailpanel.qmail.plan.drift import Drift
from qmailpanel.qmail.plan.order import Plan
from qmailpanel.qmail.plan.questions import Question
from qmailpanel.qmail.plan.state import Problem, Wanted
from qmailpanel.qmail.plan.steps import Step, describe

from .parts import Parts
from .wanted import Unwritable

log = logging.getLogger(__name__)


@dataclass
class Report:
    """What a run has to say of the domains it was about.

    `changes`: domain number → change it was tried at; those in `live` were read back. Domains
    without a row have no change; what is said of them stands under the number 0. `unseen`: read
    back as well, but Dovecot sees it at that time (of the monotonic clock) only. `problems` and
    `drifts` are by domain number, and so is `left`: addresses of which something stays as others
    wrote it, None for the domain itself. `decided`: domains with decisions about drift. `parts`:
    of these domains it says nothing but of those addresses, and of what is of none. `steps` were
    carried out. `waiting`: what a next run would do, or the plan at work, which began after
    `begun` of the steps. `held`: domains whose changes wait for the operator; `holding`: how many
    do on the host, None where that is not known. `error` and `cause` concern the whole host.
    `answered`: no question is left.
    """

    started: datetime
    changes: dict[int, int] = field(default_factory=dict)
    live: set[int] = field(default_factory=set)
    unseen: dict[int, float] = field(default_factory=dict)
    problems: dict[int, Sequence[Problem]] = field(default_factory=dict)
    drifts: dict[int, Sequence[Drift]] = field(default_factory=dict)
    left: dict[int, Set[int | None]] = field(default_factory=dict)
    decided: set[int] = field(default_factory=set)
    parts: Parts = field(default_factory=dict)
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

    def add_step(self, step: Step) -> None:
        """One that is carried out now."""
        text = describe(step)
        self.steps.append(text)
        log.info("%s", text)

    def conclude(self, wanted: Sequence[Wanted], plan: Plan) -> None:
        """Take in a plan that has nothing more to do, or waits for an answer."""
        self.question = plan.question
        if not plan.question:
            self.waiting = ()
        for one in wanted:
            if one.held:
                self.held.add(one.domain)
                continue
            problems, drifts = plan.problems.get(one.name, ()), plan.drifts.get(one.name, ())
            self.problems[one.domain] = (*self.problems.get(one.domain, ()), *problems)
            self.drifts[one.domain] = (*self.drifts.get(one.domain, ()), *drifts)
            self.left[one.domain] = plan.left.get(one.name, frozenset())
            if one.decisions:
                self.decided.add(one.domain)
            if one.domain:
                self.changes[one.domain] = one.change

    def add_unwritable(self, unwritable: Sequence[Unwritable]) -> None:
        for one in unwritable:
            self.changes[one.domain] = one.change
            self.problems[one.domain] = [one.problem]
