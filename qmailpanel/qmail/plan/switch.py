"""Where mail goes from now on: names, assignments and dot-qmail files, in turn.

A home may forward to another name of a domain. So a name comes before homes do, and goes after
them, wherever the map has its addresses; what waits for more is in `waits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from qmailpanel.qmail.formats.shared_files import LineFile, Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Actual
from qmailpanel.qmail.plan.steps import FlushTree, LetDeliveriesEnd, Step, TellSend
from qmailpanel.qmail.plan.turns import split_turns
from qmailpanel.qmail.plan.waits import Waits, find_waits
from qmailpanel.qmail.plan.write_shared import (
    Sections,
    changes_lines,
    is_map_stale,
    write_and_compile,
    write_lines,
)

Files = dict[Shared, LineFile]


def switch(
    drafts: Sequence[Draft], actual: Actual, files: Files, *, is_ours: bool
) -> Iterator[Step]:
    """`is_ours`: whether the map is the panel's to write."""
    names, waits = _union(drafts, Shared.VIRTUAL), find_waits(drafts, files[Shared.VIRTUAL])
    both = _leave_out(_assignments(drafts, actual, files), waits.barring)
    hands_over = [LetDeliveriesEnd()] if any(draft.hands_over for draft in drafts) else []
    turns = split_turns(drafts, waits)

    def write_map(assignments: Sections, *, is_stale: bool = False) -> Iterator[Step]:
        if is_ours:
            yield from write_and_compile(files, Shared.ASSIGN, assignments, is_stale=is_stale)

    is_stale = is_map_stale(drafts, actual, Shared.ASSIGN)
    first = _hold(drafts, Shared.VIRTUAL, names, waits.late)
    yield from _send(files, first, hup_owed=actual.hup_owed)
    yield from write_map(_hold(drafts, Shared.ASSIGN, both, waits.leading), is_stale=is_stale)
    yield from hands_over
    yield from _turn_files(turns.early)
    both = _leave_out(both, waits.idle)
    yield from write_map(_hold(drafts, Shared.ASSIGN, both, waits.leading)) if waits.idle else ()
    yield from _turn_files(turns.freed)
    yield from _send(files, names)
    yield from write_map(both) if waits.leading else ()
    yield from hands_over if turns.late else ()
    yield from _turn_files(turns.late)
    yield from _let_forwards_end(drafts, files, waits)
    yield from write_map(_leave_out(both, waits.led)) if waits.led else ()
    yield from _send(files, _leave_out(names, waits.falling))
    yield from _turn_files(turns.last)
    yield from [LetDeliveriesEnd()] if turns.last else []
    for draft in drafts:  # what they caught has its home, and nothing falls to them yet
        yield from draft.refuse
    yield from _send(files, _leave_out(names, waits.falling | waits.unmapped))
    yield from write_map(new_lines(drafts, Shared.ASSIGN))
    yield from _send(files, new_lines(drafts, Shared.VIRTUAL))


def _assignments(drafts: Sequence[Draft], actual: Actual, files: Files) -> Sections:
    """Old and new ones; the new ones at once where nothing else changes."""
    changes_names = changes_lines(files[Shared.VIRTUAL], new_lines(drafts, Shared.VIRTUAL))
    changes_files = any(draft.turn or draft.refuse for draft in drafts)
    keep = changes_names or changes_files or actual.hup_owed
    return _union(drafts, Shared.ASSIGN) if keep else new_lines(drafts, Shared.ASSIGN)


def _let_forwards_end(drafts: Sequence[Draft], files: Files, waits: Waits) -> Iterator[Step]:
    """What was forwarded to the old targets a moment ago, before those go."""
    changes_names = changes_lines(files[Shared.VIRTUAL], new_lines(drafts, Shared.VIRTUAL))
    goes = any(draft.refuse or draft.drops(Shared.ASSIGN) for draft in drafts)
    if any(draft.turn for draft in drafts) and (goes or changes_names or waits.barring):
        yield LetDeliveriesEnd()


def _hold(
    drafts: Sequence[Draft], shared: Shared, sections: Sections, keys: Set[bytes]
) -> Sections:
    """These lines, with those of the keys as they are."""
    held = dict(_leave_out(sections, keys))
    for draft in drafts if keys else ():
        others = held[draft.wanted.name].lines
        kept = {key: line for key, line in draft.old[shared].items() if key in keys}
        held[draft.wanted.name] = draft.having({**others, **kept})
    return held


def _leave_out(sections: Sections, keys: Set[bytes]) -> Sections:
    if not keys:
        return sections
    return {
        name: new._replace(lines={key: new.lines[key] for key in new.lines if key not in keys})
        for name, new in sections.items()
    }


def _send(
    files: dict[Shared, LineFile], virtual: Sections, *, hup_owed: bool = False
) -> Iterator[Step]:
    """Have qmail-send work by these lines of virtualdomains."""
    written = list(write_lines(files, Shared.VIRTUAL, virtual))
    yield from written
    if written or hup_owed:
        yield TellSend()


def _turn_files(steps: Sequence[Step]) -> Iterator[Step]:
    """Their new targets are there, and the old ones still are."""
    yield from steps
    if steps:
        yield FlushTree()


def new_lines(drafts: Iterable[Draft], shared: Shared) -> Sections:
    return {draft.wanted.name: draft.having(draft.new[shared]) for draft in drafts}


def _union(drafts: Sequence[Draft], shared: Shared) -> Sections:
    """Old and new lines. Where both have a key: one by which mail reaches somebody, the new first.

    A line by which mail is refused keeps it from whoever gets what nobody claimed.
    """
    lines: list[dict[bytes, bytes]] = [{} for _ in drafts]
    taken = set[bytes]()
    for layer in (
        [draft.welcoming(shared) for draft in drafts],
        [draft.serving(shared) for draft in drafts],
        [draft.new[shared] for draft in drafts],
        [draft.present(shared) for draft in drafts],
    ):
        for own, further in zip(lines, layer, strict=True):
            own.update({key: line for key, line in further.items() if key not in taken})
        taken |= {key for further in layer for key in further}
    each = zip(drafts, lines, strict=True)
    return {draft.wanted.name: draft.having(own) for draft, own in each}
