"""One domain: everything of it, or nothing where something stands in its way."""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.formats.shared_files import HOSTS, Foreign, Shared
from qmailpanel.qmail.plan.draft import Draft, home_name
from qmailpanel.qmail.plan.settle_files import (
    settle_directory,
    settle_files,
    settle_strange,
)
from qmailpanel.qmail.plan.settle_homes import settle_homes, settle_purges
from qmailpanel.qmail.plan.settle_lines import settle_lines
from qmailpanel.qmail.plan.state import (
    Actual,
    Bad,
    Problem,
    Section,
    Tree,
    Wanted,
    is_left_path,
    left_path,
)
from qmailpanel.qmail.plan.steps import Failed, RemoveDirectory

NO_DOMAIN = "The mail server could not be prepared for this domain. It is tried again."
LOCAL = (
    "The mail server treats a name of this domain as its own. Mail for it never reaches the "
    "panel's mailboxes until the operator takes it out of control/locals."
)
LEFT_BEHIND = "a file of who had this name; it would take its mail, so move it away"
TAKEN = (
    "The number chosen for this domain is in use on the mail server. Remove the domain "
    "and add it again: it gets the next free number."
)


def draft_domain(
    wanted: Wanted, applied: Sequence[Section], actual: Actual, failed: Failed
) -> Draft:
    """Settle everything of one domain. A domain that cannot be served stays as it is on disk."""
    draft = Draft(
        wanted=wanted,
        applied=applied,
        tree=actual.trees.get(wanted.name, Tree()),
        failed=failed,
        old={shared: actual.shared[shared].section(wanted.name, wanted.part) for shared in Shared},
        problems=list(wanted.problems),
        is_mapped=_is_mapped(wanted, actual),
    )
    obstacle = _find_obstacle(draft, actual)
    if obstacle:
        if not (
            is_left_path(wanted.name) and obstacle.text == TAKEN
        ):  # else it had no mail to refuse
            draft.problems.append(obstacle)
        draft.blocked = True
        draft.new = {shared: dict(lines) for shared, lines in draft.old.items()}
    else:
        _settle_tree(draft, actual.shared[Shared.ASSIGN].foreign)
        _settle_shared(draft, actual)
    return draft


def _is_mapped(wanted: Wanted, actual: Actual) -> bool:
    answers = actual.maps.get(Shared.ASSIGN) or {}
    return answers.get(f"+{wanted.section.prepend}-".encode()) is not None


def _settle_tree(draft: Draft, assigned: Foreign) -> None:
    settle_directory(draft)
    settle_homes(draft, assigned)
    settle_files(draft)
    settle_strange(draft)
    settle_purges(draft)
    is_left_empty = draft.tree.empty or draft.shrink
    removal = RemoveDirectory(draft.wanted.name)
    if removal in draft.failed or draft.wanted.part is not None:
        return  # an empty directory harms nobody
    if draft.applied and is_left_empty and not draft.wanted.section.files:
        draft.shrink.append(removal)


def _settle_shared(draft: Draft, actual: Actual) -> None:
    virtual = draft.wanted.section.lines.get(Shared.VIRTUAL, {})
    local_names = virtual.keys() & actual.locals
    served = [name for name in sorted(local_names) if not draft.is_refusing(virtual[name])]
    draft.problems += [_is_local(name.decode("ascii")) for name in served]
    led_away = _names_led_away(draft, actual)
    for shared in Shared:
        refused = local_names | led_away if shared in HOSTS else local_names
        draft.new[shared] = settle_lines(draft, actual.shared[shared], refused)


def _names_led_away(draft: Draft, actual: Actual) -> set[bytes]:
    """By somebody else's line of virtualdomains: no mail is accepted for these if none was."""
    accepted = {name for shared in HOSTS for name in draft.old[shared]}
    names = draft.wanted.section.lines.get(Shared.VIRTUAL, {}).keys() - accepted
    return names & actual.shared[Shared.VIRTUAL].foreign.keys.keys()


def _find_obstacle(draft: Draft, actual: Actual) -> Problem | None:
    """Why nothing of the domain may be touched, if so."""
    wanted, directory = draft.wanted, draft.tree.directory
    if isinstance(directory, Bad):
        return Problem(NO_DOMAIN, f"{wanted.name}: {directory.reason}")
    if wanted.name in draft.failed:
        return Problem(NO_DOMAIN, f"{wanted.name}: {draft.failed[wanted.name]}")
    if wanted.name.encode() in actual.locals and wanted.section.lines.get(Shared.VIRTUAL):
        return _is_local(wanted.name)
    if _is_prepend_taken(wanted, draft.applied, actual):
        prepend = wanted.section.prepend
        return Problem(TAKEN, f"prepend {prepend} belongs to a foreign line or directory")
    is_new = wanted.section.lines and not (draft.applied or _is_led_to(draft))
    if is_new and draft.tree.strange:
        return Problem(NO_DOMAIN, f"{min(draft.tree.strange)}: {LEFT_BEHIND}")
    owner = actual.owners.get(wanted.section.prepend, wanted.name)
    if wanted.section.lines and owner not in (wanted.name, *wanted.former, *wanted.known_as):
        return Problem(TAKEN, f"prepend {wanted.section.prepend} was that of {owner}")
    return None


def _is_local(name: str) -> Problem:
    return Problem(LOCAL, f"control/locals has the line {name}")


def _is_led_to(draft: Draft) -> bool:
    """By lines that are there; a list of hosts names it, whoever gets its mail."""
    return any(draft.old[shared] for shared in (Shared.ASSIGN, Shared.VIRTUAL))


def _is_prepend_taken(wanted: Wanted, applied: Sequence[Section], actual: Actual) -> bool:
    """By lines of others, and nothing says that it is the domain's; a list of hosts never does."""
    prepend, files = wanted.section.prepend, actual.shared.values()
    if not wanted.section.lines or any(section.prepend == prepend for section in applied):
        return False
    if not any(prepend in file.foreign.prepends for file in files):
        return False
    names = {wanted.name, *wanted.known_as}
    own = [Foreign(file.shared, tuple(file.lines(name))) for file in files for name in names]
    is_known = any(prepend in lines.prepends for lines in own)
    return not is_known or _is_led_elsewhere(wanted, actual.shared[Shared.ASSIGN].foreign)


def _is_led_elsewhere(wanted: Wanted, assigned: Foreign) -> bool:
    """Whether the wildcard of its number leads to the directory of another domain."""
    prepend = wanted.section.prepend
    names = {wanted.name, *wanted.former, *wanted.known_as, left_path(prepend)}
    return any(home_name(line) not in names for line in assigned.keys.get(b"+%d-" % prepend, ()))
