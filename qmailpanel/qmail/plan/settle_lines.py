"""The lines of one domain in the files that all domains share."""

from __future__ import annotations

from collections.abc import Sequence, Set

from qmailpanel.qmail.formats.shared_files import LineFile
from qmailpanel.qmail.plan.draft import NOT_MADE, Draft
from qmailpanel.qmail.plan.drift import Drift, Side, Subject


def settle_lines(draft: Draft, file: LineFile, refused: Set[bytes]) -> dict[bytes, bytes]:
    """Our lines of one shared file as they shall be; none for the names in `refused`.

    Lines of ours are on disk as wanted, as applied, or missing; so W holds for each, unless a
    foreign line has the same key (drift), or the home it delivers to could not be made. A foreign
    line that takes the mail of an address of ours is drift too where no line is wanted.
    """
    shared, wanted = file.shared, draft.wanted
    old, want = draft.old[shared], wanted.section.lines.get(shared, {})
    before = [section.lines.get(shared, {}) for section in draft.applied]
    new = {}
    taken = wanted.owners.keys() & file.foreign.keys.keys() if want else ()
    keys = {*want, *old, *taken, *(key for lines in before for key in lines)}
    for key in sorted(keys - refused):
        foreign = file.foreign.keys.get(key)
        if foreign and key in want and draft.is_refusing(want[key]):
            continue  # somebody else has its mail now
        if foreign:
            _note_drift(draft, file, key, [lines.get(key) for lines in before])
        else:
            draft.asked.setdefault(shared, set()).add(key)
        is_lost = key in want and wanted.needs.get(key) in draft.lost_homes
        stays = foreign or is_lost or wanted.keeps(key)
        line = old.get(key) if stays else want.get(key)
        if line is not None:
            new[key] = line
        if is_lost:
            _note_lost_home(draft, key)
    return new


def _note_lost_home(draft: Draft, key: bytes) -> None:
    """At the alias that delivers there; that of the mailbox itself is told already."""
    home, owners = draft.wanted.needs[key], draft.wanted.owners
    if owners.get(key) != owners.get(home):
        draft.add_problem(key, NOT_MADE, f"{home} could not be prepared")


def _note_drift(draft: Draft, file: LineFile, key: bytes, before: Sequence[bytes | None]) -> None:
    subject, actual = Subject.of_line(file.shared, key), b"".join(file.foreign.keys[key])
    if draft.wanted.side(subject, actual) is Side.THEIRS:
        draft.leave(key)
        return
    wanted = draft.wanted.section.lines.get(file.shared, {}).get(key)
    applied = next((line for line in before if line is not None), None)
    drift = Drift(subject, wanted, applied, actual)
    draft.add_drift(key, drift, f"{file.shared} has a foreign line for {subject.key}")
