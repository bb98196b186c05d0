"""The files that all domains share: whose each line is, and how they are put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from qmailpanel.qmail.formats import assign, control, ordered_lines
from qmailpanel.qmail.formats.ordered_lines import Range, beginning, exactly
from qmailpanel.qmail.numbers import HIGHEST_PREPEND, read_number


class Shared(StrEnum):
    """The files that all domains share, relative to the qmail home."""

    ASSIGN = "users/assign"
    VIRTUAL = "control/virtualdomains"
    RCPT = "control/rcpthosts"
    MORE = "control/morercpthosts"
    NONEXIST = "control/rejectnonexist"
    VALID = "control/validrcptto"
    MORE_VALID = "control/morevalidrcptto"
    RECIPIENTS = "users/recipients"


HOSTS = (Shared.RCPT, Shared.MORE)  # one list in two files: a name may be in either
KNOWN_RECIPIENTS = (Shared.VALID, Shared.MORE_VALID, Shared.RECIPIENTS)

Part = frozenset[str]  # local parts of a domain; what belongs to none of them goes with each


class OurLines(NamedTuple):
    """The lines, by key, that a domain has in a shared file: all, or those of a part of it."""

    prepend: int
    lines: Mapping[bytes, bytes]
    part: Part | None = None


@dataclass(frozen=True)
class Foreign:
    """The lines of a shared file that are not the panel's: byte for byte and in order."""

    shared: Shared
    raws: tuple[bytes, ...] = ()

    @cached_property
    def keys(self) -> Mapping[bytes, tuple[bytes, ...]]:
        """The canonical lines by key."""
        lines: dict[bytes, tuple[bytes, ...]] = {}
        for raw in self.raws:
            key = key_of(self.shared, raw)
            if key is not None:
                lines[key] = (*lines.get(key, ()), value_of(self.shared, raw))
        return lines

    @cached_property
    def prepends(self) -> frozenset[int]:
        """The numbers in use as a prepend: `=7-x:…`, `+7-:…`, `a.test:7`."""
        numbers = set[int | None]()
        for key, lines in self.keys.items():
            if self.shared is Shared.ASSIGN:
                numbers.add(_read_prepend(key[1:].partition(b"-")[0]))
            elif self.shared is Shared.VIRTUAL:
                numbers.update(_read_prepend(line.partition(b":")[2]) for line in lines)
        return frozenset(number for number in numbers if number is not None)

    @cached_property
    def homes(self) -> Mapping[bytes, tuple[bytes, ...]]:
        """The keys of assignments by the directory that they lead to."""
        keys: dict[bytes, tuple[bytes, ...]] = {}
        for key, lines in self.keys.items():
            for line in lines:
                home = assign.home_of(line)
                keys[home] = (*keys.get(home, ()), key)
        return keys

    @cached_property
    def text(self) -> bytes:
        """All of it; an entry appended behind it cannot run into its last line."""
        text = b"".join(self.raws)
        return text if text.endswith(b"\n") or not text else text + b"\n"


@dataclass(frozen=True)
class LineFile:
    """A shared file taken apart: foreign lines as they were, our sections, the end.

    `content` is None where the file is missing. `sections`: name → (prepend, lines as one text, in
    the order of their keys); the lowest prepend first. `end` is empty but for users/assign, where
    it is the dot line and the dead text after it.
    `unclean` says why the file wants writing even if no section changes.
    """

    shared: Shared
    content: bytes | None
    foreign: Foreign
    sections: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    end: bytes = b""
    unclean: str = ""

    def lines(self, name: str, part: Part | None = None) -> list[bytes]:
        """Our lines of one domain, or of a part of it."""
        prepend, text = self.sections.get(name, (0, b""))
        ranges = _ranges(self.shared, prepend, part)
        spans = ordered_lines.find_spans(text, ranges, _key_end(self.shared))
        return control.split_lines(b"".join([text[start:stop] for start, stop in spans]))

    def section(self, name: str, part: Part | None = None) -> dict[bytes, bytes]:
        """The same, by key."""
        return keyed(self.shared, self.lines(name, part))

    def others(self, name: str, part: Part | None) -> bytes:
        """Our lines of one domain that are not of the part."""
        prepend, text = self.sections.get(name, (0, b""))
        ranges = _ranges(self.shared, prepend, part)
        return ordered_lines.splice(text, ranges, {}, _key_end(self.shared))

    def with_lines(self, news: Mapping[str, OurLines]) -> LineFile:
        """The file with these in the place of what it has of the same, and its new content."""
        sections, end = dict(self.sections), _key_end(self.shared)
        for name, (prepend, lines, part) in news.items():
            ranges = _ranges(self.shared, prepend, part)
            _, text = sections.get(name, (prepend, b""))
            sections[name] = prepend, ordered_lines.splice(text, ranges, lines, end)
            if not sections[name][1]:
                del sections[name]
        if any(self._stands_elsewhere(name, prepend) for name, (prepend, *_) in news.items()):
            sections = in_order(sections)
        return replace(self, sections=sections, content=self._assemble(sections), unclean="")

    def _stands_elsewhere(self, name: str, prepend: int) -> bool:
        return name not in self.sections or self.sections[name][0] != prepend

    def with_foreign_as_ours(self, name: str, prepend: int, key: bytes) -> LineFile:
        """The file with the foreign lines of one key as lines of a domain of ours."""
        theirs = [raw for raw in self.foreign.raws if key_of(self.shared, raw) == key]
        others = tuple(raw for raw in self.foreign.raws if raw not in theirs)
        values = (value_of(self.shared, raw) for raw in theirs)
        text = join_lines(self.shared, [*self.lines(name), *values])
        sections = in_order({**self.sections, name: (prepend, text)})
        return replace(self, foreign=Foreign(self.shared, others), sections=sections)

    def _assemble(self, sections: Mapping[str, tuple[int, bytes]]) -> bytes:
        ours = (text for _, text in sections.values())
        return b"".join([self.foreign.text, *ours, self.end])


def in_order(sections: Mapping[str, tuple[int, bytes]]) -> dict[str, tuple[int, bytes]]:
    return dict(sorted(sections.items(), key=lambda item: (item[1][0], item[0])))


def join_lines(shared: Shared, lines: Iterable[bytes]) -> bytes:
    end = _key_end(shared)
    ordered = sorted(lines, key=lambda line: line.partition(end)[0])
    return b"".join(ordered)


def _key_end(shared: Shared) -> bytes:
    """Behind the key of a line of ours."""
    return b":" if shared in (Shared.ASSIGN, Shared.VIRTUAL) else b"\n"


def _ranges(shared: Shared, prepend: int, part: Part | None) -> Sequence[Range]:
    """The keys of a part: `=100-biliards`, `biliards@…`, and those that are no address's."""
    if part is None or shared not in (Shared.ASSIGN, *KNOWN_RECIPIENTS):
        return ordered_lines.ALL
    if shared is Shared.ASSIGN:
        return [beginning(b"+"), *(exactly(f"={prepend}-{p}".encode()) for p in sorted(part))]
    return sorted(beginning(f"{local}@".encode()) for local in ("", "-", *part))


def _read_prepend(text: bytes) -> int | None:
    return read_number(text.strip(), HIGHEST_PREPEND)


_KEYS: Mapping[Shared, Callable[[bytes], bytes | None]] = {
    Shared.ASSIGN: assign.line_key,
    Shared.VIRTUAL: control.virtual_key,
}


def _key(shared: Shared) -> Callable[[bytes], bytes | None]:
    return _KEYS.get(shared, control.host_key)


def key_of(shared: Shared, raw: bytes) -> bytes | None:
    """What a raw line is about; None for a comment or a blank line."""
    return _key(shared)(raw)


def value_of(shared: Shared, raw: bytes) -> bytes:
    """The canonical line with its newline: two raw lines with one value mean the same to qmail."""
    if shared is Shared.ASSIGN:
        return assign.line_value(raw) + b"\n"
    if shared is Shared.VIRTUAL:
        return control.virtual_value(raw) + b"\n"
    return (control.host_key(raw) or b"") + b"\n"


def keyed(shared: Shared, lines: Iterable[bytes]) -> dict[bytes, bytes]:
    """Canonical lines by key. Every line must have a key."""
    read = _key(shared)
    return {key: line for line in lines if (key := read(line)) is not None}
