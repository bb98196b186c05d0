"""The directory of one domain and its dot-qmail files."""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.plan.draft import NOT_MADE, Draft
from qmailpanel.qmail.plan.drift import Drift, Side, Subject
from qmailpanel.qmail.plan.settle import Action, settle
from qmailpanel.qmail.plan.state import Bad
from qmailpanel.qmail.plan.steps import MakeDirectory, RemoveFile, WriteFile


def settle_directory(draft: Draft) -> None:
    section = draft.wanted.section
    if (section.files or section.homes) and not draft.tree.directory:
        draft.grow.append(MakeDirectory(draft.wanted.name))


def settle_files(draft: Draft) -> None:
    """Those of the domain itself."""
    wanted = draft.wanted.section.files
    for path in sorted({*wanted, *(path for old in draft.applied for path in old.files)}):
        if draft.wanted.keeps(path):
            draft.unsettled.add(path)
            continue
        before = [old.files[path] for old in draft.applied if path in old.files]
        is_readable = path not in draft.tree.unreadable
        actual = draft.tree.files.get(path)
        settle_file(draft, path, wanted.get(path), before, actual, is_readable=is_readable)


def settle_strange(draft: Draft) -> None:
    """Files of addresses that have no row: they take mail that the domain would treat otherwise."""
    if draft.wanted.section.lines:
        for path, actual in sorted(draft.tree.strange.items()):
            if isinstance(actual, bytes):
                settle_file(draft, path, None, [], actual, is_readable=True)


def settle_file(
    draft: Draft,
    path: str,
    wanted: bytes | None,
    before: Sequence[bytes],
    actual: bytes | Bad | None,
    *,
    is_readable: bool,
) -> None:
    """One dot-qmail file, here or in a home. `before`: its contents as applied.

    One that the mail user cannot read is written again, with what it says.
    """
    cause = draft.failed.get(path) or (actual.reason if isinstance(actual, Bad) else "")
    if cause or isinstance(actual, Bad):
        draft.add_problem(path, NOT_MADE, f"{path}: {cause}")
        draft.unsettled.add(path)
        return
    subject = Subject.of_file(path)
    side = draft.wanted.side(subject, actual) if actual is not None else None
    known = [*before, actual] if side is Side.OURS and actual is not None else before
    action = settle(wanted, known, actual)
    stays = action is Action.NOTHING or side is Side.THEIRS
    if stays and actual is not None and not is_readable:
        draft.grow.append(WriteFile(path, actual, actual))
    match action:
        case Action.WRITE if wanted is not None:
            _plan_write(draft, WriteFile(path, actual, wanted))
        case Action.REMOVE if actual is not None:
            steps = draft.shrink if _is_refused_without(draft, path) else draft.turn
            steps.append(RemoveFile(path, actual))
        case Action.DRIFT:
            draft.unsettled.add(path)
            if side is Side.THEIRS:
                draft.leave(path)
            elif wanted is None and not before:
                draft.drifts.append(Drift(subject, None, None, actual or b""))
            else:
                applied = before[-1] if before else None
                drift = Drift(subject, wanted, applied, actual or b"")
                draft.add_drift(path, drift, f"{path} was changed by someone else")


def _plan_write(draft: Draft, step: WriteFile) -> None:
    """Early where no mail goes on by it yet, and late where nobody gets any from now on."""
    default = draft.tree.files.get(_default_of(draft))
    now = default if step.before is None else step.before
    delivers = isinstance(now, bytes) and not dotqmail.refuses(now) and not _is_for_left(step.path)
    if dotqmail.refuses(step.content) and (delivers or step.before is not None):
        is_home = step.path.endswith("/.qmail")  # by which an address may go that leaves it
        (draft.shrink if is_home else draft.refuse).append(step)
        return
    leads_on = draft.is_mapped and dotqmail.forwards(step.content)
    (draft.turn if delivers or leads_on else draft.grow).append(step)


def _is_refused_without(draft: Draft, path: str) -> bool:
    """Whether mail for this file is refused when it is gone."""
    local = dotqmail.extension_of(path.rpartition("/")[2])
    section, needs = draft.wanted.section, draft.wanted.needs
    home = section.homes.get(needs.get(f"={section.prepend}-{local}".encode(), ""))
    content = home.dot_qmail if home else section.files.get(_default_of(draft))
    return content is None or dotqmail.refuses(content)


def _is_for_left(path: str) -> bool:
    """It is there before a name leads to it."""
    return path.endswith(f"/{dotqmail.LEFT_FILE}")


def _default_of(draft: Draft) -> str:
    return f"{draft.wanted.name}/{dotqmail.file_name('default')}"
