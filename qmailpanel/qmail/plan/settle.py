"""One domain, three-way: what each of its lines, files and homes becomes.

| case                    | do                    |
|-------------------------|-----------------------|
| A = W                   | nothing               |
| A = L ≠ W               | write W, or remove    |
| A missing, W present    | write W (heal)        |
| A present, ≠ L, ≠ W     | drift: keep A, say so |
| only A                  | foreign: keep         |
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from enum import Enum, auto

from qmailpanel.qmail.formats.shared_files import LineFile, Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.drift import Drift, Side, Subject
from qmailpanel.qmail.plan.state import Actual, Bad, Home, HomeFound, Problem, Section, Tree, Wanted
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    Failed,
    LimitHome,
    MakeDirectory,
    PlaceHome,
    PurgeHome,
    RemoveDirectory,
    RemoveFile,
    WriteFile,
)

KEPT = "The mail server's side was changed by someone else and is kept. The operator decides."
NOT_PURGED = "Its mail could not be destroyed. It is tried again."
NOT_MADE = "The mail server could not be prepared for this address. It is tried again."
LOCAL = (
    "The mail server treats a name of this domain as its own. Mail for it never reaches the "
    "panel's mailboxes until the operator takes it out of control/locals."
)
NO_DOMAIN = "The mail server could not be prepared for this domain. It is tried again."


class Verdict(Enum):
    NOTHING = auto()
    WRITE = auto()
    REMOVE = auto()
    DRIFT = auto()


def settle(wanted: bytes | None, applied: Collection[bytes], actual: bytes | None) -> Verdict:
    """The table above for one line or file."""
    if actual == wanted:
        return Verdict.NOTHING
    if actual is None:
        return Verdict.WRITE
    if actual not in applied:
        return Verdict.DRIFT
    return Verdict.REMOVE if wanted is None else Verdict.WRITE


def draft_domain(
    wanted: Wanted, applied: Sequence[Section], actual: Actual, failed: Failed
) -> Draft:
    """Settle everything of one domain. A domain that cannot be served stays as it is on disk."""
    old = {shared: actual.shared[shared].section(wanted.name) for shared in Shared}
    draft = Draft(wanted, old, problems=list(wanted.problems))
    tree = actual.trees.get(wanted.name, Tree())
    obstacle = _find_obstacle(wanted, applied, actual, tree, failed)
    if obstacle:
        draft.problems.append(obstacle)
        draft.blocked = True
        draft.new = {shared: dict(lines) for shared, lines in old.items()}
        return draft
    _settle_directory(draft, tree)
    _settle_homes(draft, applied, tree, failed)
    _settle_files(draft, applied, tree, failed)
    _settle_purges(draft, tree, failed)
    if applied and (tree.empty or draft.shrink) and not wanted.section.files:
        draft.shrink.append(RemoveDirectory(wanted.name))
    own = wanted.section.lines.get(Shared.VIRTUAL, {}).keys() & actual.locals
    draft.problems += [_is_local(name.decode("ascii")) for name in sorted(own)]
    for shared in Shared:
        draft.new[shared] = _settle_lines(draft, applied, actual.shared[shared], own)
    return draft


def _find_obstacle(
    wanted: Wanted,
    applied: Sequence[Section],
    actual: Actual,
    tree: Tree,
    failed: Failed,
) -> Problem | None:
    """Why nothing of the domain may be touched, if so."""
    name = wanted.name.encode()
    if isinstance(tree.directory, Bad):
        return Problem(NO_DOMAIN, f"{wanted.name}: {tree.directory.reason}")
    if wanted.name in failed:
        return Problem(NO_DOMAIN, f"{wanted.name}: {failed[wanted.name]}")
    if name in actual.locals and wanted.section.lines.get(Shared.VIRTUAL):
        return _is_local(wanted.name)
    if not applied and _is_prepend_taken(wanted, actual):
        return Problem(
            "The number chosen for this domain is in use on the mail server. Remove the domain "
            "and add it again: it gets the next free number.",
            f"prepend {wanted.section.prepend} belongs to a foreign line or directory",
        )
    return None


def _is_local(name: str) -> Problem:
    return Problem(LOCAL, f"control/locals has the line {name}")


def _is_prepend_taken(wanted: Wanted, actual: Actual) -> bool:
    prepend = wanted.section.prepend
    ours = any(wanted.name in actual.shared[shared].sections for shared in Shared)
    if ours or not wanted.section.lines:
        return False
    return any(prepend in actual.shared[s].foreign.prepends for s in Shared)


def _settle_directory(draft: Draft, tree: Tree) -> None:
    section, path = draft.wanted.section, draft.wanted.name
    if (section.files or section.homes) and not tree.directory:
        draft.grow.append(MakeDirectory(path))


def _settle_homes(draft: Draft, applied: Sequence[Section], tree: Tree, failed: Failed) -> None:
    wanted = draft.wanted
    for path, home in wanted.section.homes.items():
        found = tree.homes.get(path)
        before = [old.homes[path] for old in applied if path in old.homes]
        cause = failed.get(path) or _strangeness(draft, before, path, found)
        if cause:
            draft.add_problem(path, NOT_MADE, f"{path}: {cause}")
            draft.lost_homes.add(path)
        elif found is None or isinstance(found, Bad):
            draft.grow.append(PlaceHome(path, home.mailbox, home.dot_qmail, home.limits))
        else:
            if not found.whole:
                draft.grow.append(PlaceHome(path, home.mailbox, None))
            elif found.limits != home.limits:
                draft.grow.append(LimitHome(path, home.limits))
            texts = [old.dot_qmail for old in before]
            _settle_file(draft, f"{path}/.qmail", home.dot_qmail, texts, found.dot_qmail, failed)
    for path, mailbox in wanted.archive.items():
        _settle_archive(draft, applied, path, mailbox, tree.homes.get(path), failed)


def _strangeness(
    draft: Draft, before: Sequence[Home], path: str, found: HomeFound | Bad | None
) -> str:
    """Why what stands at `path` cannot be the home: a new mailbox must never show old mail."""
    if found is None:
        return ""
    if isinstance(found, Bad):
        return found.reason
    wanted = draft.wanted
    mailbox = wanted.section.homes[path].mailbox
    if before:
        other = "the home of another mailbox of this name stands there; move it away"
        return "" if mailbox in [home.mailbox for home in before] else other
    ours = draft.old[Shared.ASSIGN]
    if any(key in ours for key, home in wanted.needs.items() if home == path):
        return ""
    return "a directory that the panel did not make stands there; move it away"


def _settle_archive(
    draft: Draft,
    applied: Sequence[Section],
    path: str,
    mailbox: int,
    found: HomeFound | Bad | None,
    failed: Failed,
) -> None:
    made = any(path in old.homes and old.homes[path].mailbox == mailbox for old in applied)
    if not made or found is None:
        return
    cause = failed.get(path) or (found.reason if isinstance(found, Bad) else "")
    if cause:
        draft.add_problem(path, "Its mail could not be archived. It is tried again.", cause)
    else:
        draft.shrink.append(ArchiveHome(path, mailbox))


def _settle_purges(draft: Draft, tree: Tree, failed: Failed) -> None:
    soon = {step.mailbox for step in draft.shrink if isinstance(step, ArchiveHome)}
    for mailbox in sorted(draft.wanted.purge & (tree.archived | soon)):
        step = PurgeHome(mailbox)
        if step.path in failed:
            draft.add_problem(step.path, NOT_PURGED, f"{step.path}: {failed[step.path]}")
        else:
            draft.purge.append(step)


def _settle_files(draft: Draft, applied: Sequence[Section], tree: Tree, failed: Failed) -> None:
    wanted = draft.wanted.section.files
    for path in sorted({*wanted, *(path for old in applied for path in old.files)}):
        if draft.wanted.keeps(path):
            draft.unsettled.add(path)
            continue
        before = [old.files[path] for old in applied if path in old.files]
        _settle_file(draft, path, wanted.get(path), before, tree.files.get(path), failed)


def _settle_file(
    draft: Draft,
    path: str,
    wanted: bytes | None,
    before: Sequence[bytes],
    actual: bytes | Bad | None,
    failed: Failed,
) -> None:
    cause = failed.get(path) or (actual.reason if isinstance(actual, Bad) else "")
    if cause or isinstance(actual, Bad):
        draft.add_problem(path, NOT_MADE, f"{path}: {cause}")
        draft.unsettled.add(path)
        return
    subject = Subject.of_file(path)
    side = draft.wanted.side(subject, actual) if actual is not None else None
    known = [*before, actual] if side is Side.OURS and actual is not None else before
    match settle(wanted, known, actual):
        case Verdict.WRITE if wanted is not None:
            # what refuses from now on goes last: addresses it caught may have got a home meanwhile
            refuses = actual is not None and wanted.startswith(b"|")
            (draft.shrink if refuses else draft.grow).append(WriteFile(path, actual, wanted))
        case Verdict.REMOVE if actual is not None:
            draft.shrink.append(RemoveFile(path, actual))
        case Verdict.DRIFT if side is Side.THEIRS:
            draft.unsettled.add(path)
        case Verdict.DRIFT:
            applied = before[-1] if before else None
            draft.drifts.append(Drift(subject, wanted, applied, actual or b""))
            draft.unsettled.add(path)
            draft.add_problem(path, KEPT, f"{path} was changed by someone else")


def _settle_lines(
    draft: Draft, applied: Sequence[Section], file: LineFile, refused: Set[bytes]
) -> dict[bytes, bytes]:
    """Our lines of one shared file as they shall be; none for the names in `refused`.

    Lines of ours are on disk as wanted, as applied, or missing; so W holds for each, unless a
    foreign line has the same key (drift), or the home it delivers to could not be made.
    """
    shared, wanted = file.shared, draft.wanted
    old, want = draft.old[shared], wanted.section.lines.get(shared, {})
    before = [section.lines.get(shared, {}) for section in applied]
    new = {}
    for key in sorted({*want, *old, *(key for lines in before for key in lines)} - refused):
        foreign = file.foreign.keys.get(key)
        if foreign:
            _note_drift(draft, file, key, [lines.get(key) for lines in before])
        is_lost = key in want and wanted.needs.get(key) in draft.lost_homes
        stays = foreign or is_lost or wanted.keeps(key)
        line = old.get(key) if stays else want.get(key)
        if line is not None:
            new[key] = line
        if not foreign:
            draft.asked.setdefault(shared, set()).add(key)
        if is_lost and wanted.owners.get(key) != wanted.owners.get(wanted.needs[key]):
            draft.add_problem(key, NOT_MADE, f"{wanted.needs[key]} could not be prepared")
    return new


def _note_drift(draft: Draft, file: LineFile, key: bytes, before: Sequence[bytes | None]) -> None:
    subject, actual = Subject.of_line(file.shared, key), b"".join(file.foreign.keys[key])
    if draft.wanted.side(subject, actual) is Side.THEIRS:
        return
    wanted = draft.wanted.section.lines.get(file.shared, {}).get(key)
    applied = next((line for line in before if line is not None), None)
    draft.drifts.append(Drift(subject, wanted, applied, actual))
    draft.add_problem(key, KEPT, f"{file.shared} has a foreign line for {subject.key}")
