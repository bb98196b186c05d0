"""The homes of one domain: made, mended, archived and destroyed."""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.shared_files import Foreign, Shared
from qmailpanel.qmail.plan.draft import NOT_MADE, Draft
from qmailpanel.qmail.plan.drift import Side, Subject
from qmailpanel.qmail.plan.settle_files import settle_file
from qmailpanel.qmail.plan.state import Bad, Home, HomeFound, Wanted
from qmailpanel.qmail.plan.steps import ArchiveHome, LimitHome, PlaceHome, PurgeHome

NOT_ARCHIVED = "Its mail could not be archived. It is tried again."
NOT_PURGED = "Its mail could not be purged. It is tried again."
OTHERS = "the home of another mailbox of this name stands there; move it away"
LED_THERE = "the line %s of users/assign, which is not the panel's, leads there; take it out"
STRANGE = "a directory that the panel did not make stands there; move it away"
TEXTS = {
    STRANGE: "A directory that the panel did not make stands in the place of this mailbox. It is "
    "left as it is; when the operator has moved it away, the mailbox is made.",
    OTHERS: "The mail of another mailbox of this name stands in the place of this one. It is left "
    "as it is; when the operator has moved it away, the mailbox is made.",
}


def settle_homes(draft: Draft, assigned: Foreign) -> None:
    """`assigned`: the assignments that are not the panel's."""
    for path, home in draft.wanted.section.homes.items():
        _settle_home(draft, path, home, assigned)
    for path, mailbox in draft.wanted.archive.items():
        _settle_archive(draft, path, mailbox)
    _archive_nameless(draft, assigned)


def _archive_nameless(draft: Draft, assigned: Foreign) -> None:
    """Homes that were archived, and stand again because the host is of an earlier moment."""
    for path, there in draft.tree.homes.items():
        number = there.mailbox if isinstance(there, HomeFound) else None
        if number is None or number not in draft.wanted.nameless or path in draft.failed:
            continue
        if not _is_others(draft, path, assigned):
            draft.shrink.append(ArchiveHome(path, number))


def _is_others(draft: Draft, path: str, assigned: Foreign) -> bool:
    """Whether a person gave what stands there to another mailbox, or others deliver there."""
    section = draft.wanted.section
    home = section.homes.get(path)
    if home and _is_adopted(draft, path, home.mailbox):
        return True
    return bool(section.lines and find_foreign_way(draft.wanted, path, assigned))


def _settle_home(draft: Draft, path: str, home: Home, assigned: Foreign) -> None:
    there = draft.tree.homes.get(path)
    before = [old.homes[path] for old in draft.applied if path in old.homes]
    cause = draft.failed.get(path) or _strangeness(draft, before, path, there)
    if there is None and not (before or cause):
        cause = find_foreign_way(draft.wanted, path, assigned)
    if cause:
        draft.add_problem(path, TEXTS.get(cause, NOT_MADE), f"{path}: {cause}")
        draft.lost_homes.add(path)
    elif there is None or isinstance(there, Bad):
        draft.grow.append(PlaceHome(path, home.mailbox, home.dot_qmail, home.limits))
    else:
        if not there.whole or there.mailbox != home.mailbox:
            draft.grow.append(PlaceHome(path, home.mailbox, None))
        elif there.limits != home.limits:
            draft.grow.append(LimitHome(path, home.limits))
        texts = [old.dot_qmail for old in before]
        settle_file(
            draft,
            f"{path}/.qmail",
            home.dot_qmail,
            texts,
            there.dot_qmail,
            is_readable=there.is_readable,
        )


def _strangeness(
    draft: Draft, before: Sequence[Home], path: str, there: HomeFound | Bad | None
) -> str:
    """Why what stands at `path` cannot be the home: a new mailbox must never show old mail."""
    if there is None:
        return ""
    if isinstance(there, Bad):
        return there.reason
    mailbox = draft.wanted.section.homes[path].mailbox
    if there.mailbox == mailbox or _is_adopted(draft, path, mailbox):
        return ""
    if there.mailbox is not None:
        return OTHERS
    if not before:
        return STRANGE
    return "" if mailbox in [home.mailbox for home in before] else OTHERS


def _is_adopted(draft: Draft, path: str, mailbox: int) -> bool:
    """Whether a person decided that this very mailbox has what stands there."""
    return draft.wanted.side(Subject.of_file(path), str(mailbox)) is Side.OURS


def find_foreign_way(wanted: Wanted, path: str, assigned: Foreign) -> str:
    """An assignment of others that leads to a home to be: whoever it is for had another one."""
    lines = wanted.section.lines.get(Shared.ASSIGN, {})
    wildcard = lines[b"+%d-" % wanted.section.prepend]
    home = assign.home_of(wildcard) + path.removeprefix(wanted.name).encode()
    keys = [key for key in assigned.homes.get(home, ()) if key not in lines]
    return LED_THERE % keys[0].decode("utf-8", "backslashreplace") if keys else ""


def _settle_archive(draft: Draft, path: str, mailbox: int) -> None:
    there = draft.tree.homes.get(path)
    homes = [old.homes[path] for old in draft.applied if path in old.homes]
    if there is None or mailbox not in [home.mailbox for home in homes]:
        return
    if isinstance(there, HomeFound) and not there.may_be_of(mailbox):
        return
    cause = draft.failed.get(path) or (there.reason if isinstance(there, Bad) else "")
    if cause:
        draft.add_problem(path, NOT_ARCHIVED, cause)
    else:
        draft.shrink.append(ArchiveHome(path, mailbox))


def settle_purges(draft: Draft) -> None:
    """Once the homes are settled: what is archived by this plan can be destroyed by it."""
    soon = {step.mailbox for step in draft.shrink if isinstance(step, ArchiveHome)}
    for mailbox in sorted(draft.wanted.purge & (draft.tree.archived | soon)):
        step = PurgeHome(mailbox, draft.wanted.directory)
        if step.path in draft.failed:
            draft.add_problem(step.path, NOT_PURGED, f"{step.path}: {draft.failed[step.path]}")
        else:
            draft.purge.append(step)
