"""The login files of one domain. They are wholly ours: what is not as wanted is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from qmailpanel.qmail.formats.logins import Logins
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Actual, Problem, Section
from qmailpanel.qmail.plan.steps import LOGINS, ArchiveHome, LoginStep, RemoveLogins, WriteLogins

NOT_WRITTEN = "Who may open mailboxes of this domain could not be written. It is tried again."


def settle_logins(
    draft: Draft,
    applied: Sequence[Section],
    actual: Actual,
    failed: Mapping[str, str],
    claimed: Set[str],
) -> None:
    """Plan what is to be written and what goes. `claimed`: all names that have logins now."""
    known = {name for section in applied for name in section.logins}
    wanted = draft.wanted.logins
    if wanted is None or draft.blocked:
        draft.login_names = tuple(sorted(known))
        return
    gone = sorted((known - claimed) & actual.logins.keys())
    steps: list[LoginStep] = [*_writes(draft, wanted, actual)]
    steps += [RemoveLogins(draft.wanted.name, name) for name in gone]
    draft.logins = [step for step in steps if f"{LOGINS}{step.name}" not in failed]
    lost = [step.name for step in steps if step not in draft.logins]
    draft.login_names = (*wanted.names, *(name for name in gone if name in lost))
    if lost:
        causes = (failed[f"{LOGINS}{name}"] for name in lost)
        draft.problems += [Problem(NOT_WRITTEN, cause) for cause in causes]
        # a login that may still be there must find its home
        draft.shrink = [step for step in draft.shrink if not isinstance(step, ArchiveHome)]


def _writes(draft: Draft, wanted: Logins, actual: Actual) -> list[WriteLogins]:
    files = {name: wanted.render(name, draft.lost_homes) for name in wanted.names}
    return [
        WriteLogins(draft.wanted.name, name, found)
        for name, found in files.items()
        if actual.logins.get(name) != found
    ]
