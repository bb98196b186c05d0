"""A shared file that stands as the panel wrote it: foreign lines, then our sections in order.

There a digest of each section does, where `take_apart` needs every line of ours at hand, for which
a host of a million mailboxes has no room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain

from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.formats.shared_files import LineFile, Shared, join_lines
from qmailpanel.qmail.formats.whose_lines import cut, meaning_of, no_end, take_apart

Lines = Mapping[bytes, bytes]  # by key
Sections = Mapping[str, tuple[int, bytes]]  # as of a LineFile
_NOBODY = ""


@dataclass
class AsWritten:
    """What is to stand in a shared file.

    `expected`: of each domain its prepend, its name, and each text that it may have there, as
    length and digest. `others`: by owner, lines of ours that may stand somewhere else.
    """

    shared: Shared
    expected: list[tuple[int, str, list[tuple[int, bytes]]]] = field(default_factory=list)
    others: dict[str, set[bytes]] = field(default_factory=dict)

    def add(
        self, name: str, prepend: int, pictures: Iterable[Lines], ours: Iterable[bytes]
    ) -> None:
        """A domain: each picture of what it has there, and all lines that are known as its."""
        rounds = [set(lines.values()) for lines in pictures]
        texts = {join_lines(self.shared, lines) for lines in rounds}
        if any(texts):
            self.expected.append((prepend, name, sorted(map(_way, texts), reverse=True)))
        sure = rounds[0].intersection(*rounds) if rounds else set[bytes]()
        others = set(ours) - sure
        if others:
            self.others.setdefault(name, set()).update(others)

    def take_apart(self, content: bytes | None) -> LineFile | None:
        """What `take_apart` makes of it; None where that has to look at each line."""
        if content is None:
            return take_apart(self.shared, None, {}, {})
        try:
            stop = assign.find_end(content) if self.shared is Shared.ASSIGN else len(content)
        except assign.BadAssign:
            return None
        sections = self._find_sections(content, stop)
        if sections is None:
            return None
        start = stop - sum(len(text) for _, text in sections.values())
        if start and content[start - 1 : start] != b"\n":
            return None
        others = dict.fromkeys(chain.from_iterable(self.others.values()), _NOBODY)
        rest = take_apart(self.shared, content[:start] + content[stop:], others, {_NOBODY: 0})
        if rest.sections or rest.unclean or not self._stand_once(sections, rest.foreign.raws):
            return None
        return replace(rest, content=content, sections=sections)

    def _find_sections(self, content: bytes, stop: int) -> Sections | None:
        """Those that stand before `stop`; None where something else does."""
        sections = dict[str, tuple[int, bytes]]()
        for prepend, name, ways in sorted(self.expected, reverse=True):
            there = (content[max(stop - length, 0) : stop] for length, _ in ways)
            found = (text for text, way in zip(there, ways, strict=True) if _way(text) == way)
            text = next(found, None)
            if text is None:
                return None
            if text:
                sections[name] = prepend, text
            stop -= len(text)
        return dict(reversed(sections.items()))

    def _stand_once(self, sections: Sections, foreign: Iterable[bytes]) -> bool:
        """Whether no line is of two domains, or foreign too, and qmail takes each."""
        lines, count = set[int](), 0
        for _, text in sections.values():
            own, _, unclean = cut(self.shared, text + no_end(self.shared))
            if unclean:
                return False
            lines.update(map(hash, own))
            count += len(own)
        theirs = (hash(meaning_of(self.shared, raw)) for raw in foreign)
        if len(lines) < count or not lines.isdisjoint(theirs):
            return False
        return all(
            _lines_of(sections, name).issuperset(line for line in those if hash(line) in lines)
            for name, those in self.others.items()
        )


def _lines_of(sections: Sections, name: str) -> set[bytes]:
    return set(control.split_lines(sections[name][1])) if name in sections else set()


def _way(text: bytes) -> tuple[int, bytes]:
    return len(text), blake2b(text, digest_size=16).digest()
