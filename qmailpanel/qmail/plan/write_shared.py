"""The steps that write one shared file and make its map; nothing where it already is so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import (
    KNOWN_RECIPIENTS,
    Foreign,
    LineFile,
    OurLines,
    Shared,
)
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Actual
from qmailpanel.qmail.plan.steps import Compile, Step, WriteShared

Sections = Mapping[str, OurLines]


def write_and_compile(
    files: dict[Shared, LineFile],
    shared: Shared,
    sections: Sections,
    foreign: Foreign | None = None,
    *,
    is_stale: bool = False,
) -> Iterator[Step]:
    written = list(write_lines(files, shared, sections, foreign))
    yield from written
    if shared in MAPS and (written or is_stale):
        yield Compile(shared)


def write_lines(
    files: dict[Shared, LineFile],
    shared: Shared,
    sections: Sections,
    foreign: Foreign | None = None,
) -> Iterator[Step]:
    """Bring one shared file to `sections`; nothing where it already is so."""
    old = files[shared]
    if not changes_lines(old, sections) and foreign is None:
        return
    base = old if foreign is None else replace(old, foreign=foreign)
    new = base.with_lines(sections)
    files[shared] = new
    added, dropped = _difference(old, new, sections)
    yield WriteShared(shared, old.content, new.content or b"", added, dropped)


def changes_lines(file: LineFile, sections: Sections) -> bool:
    if file.unclean or (file.content is None and file.shared is Shared.ASSIGN):
        return True
    after = {line for new in sections.values() for line in new.lines.values()}
    return _lines_now(file, sections) != after


def _lines_now(file: LineFile, sections: Sections) -> set[bytes]:
    """What stands where these are to come."""
    return {line for name, new in sections.items() for line in file.lines(name, new.part)}


def _difference(
    old: LineFile, new: LineFile, sections: Sections
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    before, after = _lines_now(old, sections), _lines_now(new, sections)
    if old.content is None:
        before, after = set(), after | set(new.foreign.raws)
    return tuple(sorted(after - before)), tuple(sorted(before - after))


def _is_compiled(file: LineFile) -> bool:
    """A list of known recipients that has no line of ours may be asked as a text."""
    return bool(file.sections) or file.shared not in KNOWN_RECIPIENTS


def is_map_stale(drafts: Sequence[Draft], actual: Actual, shared: Shared) -> bool:
    """Whether the map answers otherwise than its file says (and ours will say)."""
    if shared not in MAPS:
        return False
    which, file, answers = MAPS[shared], actual.shared[shared], actual.maps.get(shared)
    if answers is None:
        return shared is Shared.ASSIGN or (file.content is not None and _is_compiled(file))
    if any(answers[key] != data for key, data in which.answers(file.foreign, answers).items()):
        return True
    lines: dict[bytes, bytes | None] = {}
    for key, line in chain.from_iterable(draft.answers(shared) for draft in drafts):
        lines[key] = line or lines.get(key)  # one may have what goes from another

    def is_right(key: bytes, line: bytes | None) -> bool:
        return answers.get(key) == (which.data(line) if line else None)

    wrong = {key: line for key, line in lines.items() if not is_right(key, line)}
    if any(wrong.values()):
        return True
    kept = _kept_lines(drafts, file, wrong) if wrong else {}
    return any(not is_right(key, kept.get(key)) for key in wrong)


def _kept_lines(
    drafts: Sequence[Draft], file: LineFile, keys: Iterable[bytes]
) -> dict[bytes, bytes]:
    """Of domains that stay as they are: what goes from another may be there for one of them.

    An assignment is so only for one of the same number, an address or name of a list only for one
    that has that name; to look at all would cost all there is.
    """
    names = {key.rpartition(b"@")[2] for key in keys}
    changed = {draft.wanted.name for draft in drafts if not draft.blocked}
    numbers = {draft.wanted.section.prepend for draft in drafts}
    kept = [
        file.section(name)
        for name, (prepend, text) in file.sections.items()
        if name not in changed
        and (prepend in numbers if file.shared is Shared.ASSIGN else any(n in text for n in names))
    ]
    return {key: line for section in kept for key, line in section.items()}
