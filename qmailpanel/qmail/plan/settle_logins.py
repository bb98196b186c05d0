"""The login files of one domain. They are wholly ours: what is not as wanted is written."""

from __future__ import annotations

from collections.abc import Iterator, Set

from qmailpanel.qmail.formats.logins import Logins
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Actual, Problem
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    LoginsOf,
    LoginStep,
    RemoveLogins,
    WriteLogins,
)

NOT_WRITTEN = "Who may open mailboxes of this domain could not be written. It is tried again."


def settle_logins(draft: Draft, actual: Actual, claimed: Set[str]) -> None:
    """Plan what is to be written and what goes. `claimed`: all names that have logins now."""
    known = {name for section in draft.applied for name in section.logins}
    wanted = draft.wanted.logins
    if wanted is None or draft.blocked:
        draft.login_names = tuple(sorted(known))
        return
    known |= actual.opened.get(draft.wanted.name, set())
    gone = sorted((known - claimed) & actual.logins.keys())
    removals = [RemoveLogins(draft.wanted.name, name) for name in gone]
    steps: list[LoginStep] = [*_plan_writes(draft, wanted, actual), *removals]
    lost = [step.name for step in steps if LoginsOf(step.name) in draft.failed]
    draft.logins = [step for step in steps if step.name not in lost]
    # while they cannot all be written, one that is not seen may still be there
    draft.login_names = (*wanted.names, *(sorted(known - claimed) if lost else ()))
    if lost:
        draft.problems += [Problem(NOT_WRITTEN, draft.failed[LoginsOf(name)]) for name in lost]
        # a login that may still be there must find its home
        draft.shrink = [step for step in draft.shrink if not isinstance(step, ArchiveHome)]


def _plan_writes(draft: Draft, wanted: Logins, actual: Actual) -> Iterator[WriteLogins]:
    """Of each name what is not as wanted, and what is too much."""
    for name in wanted.names:
        there = actual.logins.get(name, {})
        files = wanted.render(name, draft.lost_homes, there)
        other = {path: content for path, content in files.items() if there.get(path) != content}
        gone = sorted(there.keys() - files.keys())
        if other or gone:
            yield WriteLogins(draft.wanted.name, name, other, tuple(gone))
