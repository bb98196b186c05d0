"""Which lines of the shared files are the panel's, as the memory knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qmailpanel.qmail.formats.as_written import AsWritten
from qmailpanel.qmail.formats.shared_files import LineFile, Shared
from qmailpanel.qmail.formats.whose_lines import take_apart
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.plan.state import Section, Wanted, lines_of

Contents = Mapping[Shared, bytes | None]


class OwnLines:
    """It reads one domain after the other: there may be no room for all at once."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def read(self, shared: Shared) -> Iterator[tuple[bytes, bytes]]:
        """All of them in a file: key and line."""
        for _, section in self._all_sections():
            yield from lines_of(section, shared).items()

    def take_apart(self, contents: Contents, wanted: Sequence[Wanted]) -> dict[Shared, LineFile]:
        """The files split by owner; what is wanted is the panel's, too."""
        files = self._find_as_written(contents, wanted)
        rest = {shared: content for shared, content in contents.items() if shared not in files}
        return files | (self._look_at_each_line(rest, wanted) if rest else {})

    def _find_as_written(
        self, contents: Contents, wanted: Sequence[Wanted]
    ) -> dict[Shared, LineFile]:
        """Those that stand as a run wrote them, though it may have been killed on its way."""
        expected = {shared: AsWritten(shared) for shared in contents}
        for name, applied, meant in self._all_domains(wanted):
            sections = (*applied, *meant)
            prepend = sections[0].prepend
            if any(section.prepend != prepend for section in sections):
                return {}
            for shared, file in expected.items():
                ours = (line for one in sections for line in lines_of(one, shared).values())
                file.add(name, prepend, _pictures(shared, applied), ours)
        found = {shared: file.take_apart(contents[shared]) for shared, file in expected.items()}
        return {shared: file for shared, file in found.items() if file is not None}

    def _look_at_each_line(
        self, contents: Contents, wanted: Sequence[Wanted]
    ) -> dict[Shared, LineFile]:
        ours = {shared: dict[bytes, str]() for shared in contents}
        prepends: dict[str, int] = {}
        for name, section in self._all_sections(wanted):
            prepends[name] = section.prepend
            for shared, owners in ours.items():
                owners.update(dict.fromkeys(lines_of(section, shared).values(), name))
        return {
            shared: take_apart(shared, content, ours[shared], prepends)
            for shared, content in contents.items()
        }

    def _all_domains(
        self, wanted: Sequence[Wanted]
    ) -> Iterator[tuple[str, Sequence[Section], Sequence[Section]]]:
        """What was applied of each, and what is wanted."""
        meant = dict[str, list[Section]]()
        for one in wanted:
            meant.setdefault(one.name, []).append(one.section)
        for name, applied in self.memory.all_sections():
            yield name, applied, meant.pop(name, ())
        for name, sections in meant.items():
            yield name, (), sections

    def _all_sections(self, wanted: Sequence[Wanted] = ()) -> Iterator[tuple[str, Section]]:
        for name, sections in self.memory.all_sections():
            for section in sections:
                yield name, section
        for one in wanted:
            yield one.name, one.section


def _pictures(shared: Shared, applied: Sequence[Section]) -> list[Mapping[bytes, bytes]]:
    """What a domain may have in the file: what a round says, or what all of them do."""
    rounds = [section.lines.get(shared, {}) for section in applied]
    if len(rounds) <= 1:
        return rounds
    return [*rounds, {key: line for lines in rounds for key, line in lines.items()}]
