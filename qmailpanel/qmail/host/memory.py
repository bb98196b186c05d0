"""What sync last applied, address by address, in a directory only it can write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby
from operator import itemgetter

from qmailpanel.qmail.formats.shared_files import Part
from qmailpanel.qmail.host.memory_facts import FORGET, NOTE, MemoryFacts, fact_of_links
from qmailpanel.qmail.host.memory_file import KEEP, from_key, to_key, to_values
from qmailpanel.qmail.plan.parts import FRAME, local_of_path
from qmailpanel.qmail.plan.renamed import move_path, move_section
from qmailpanel.qmail.plan.rounds import (
    FINISHED,
    Rows,
    distinct_sections,
    find_news,
    from_texts,
    pictures,
    to_rows,
    to_texts,
)
from qmailpanel.qmail.plan.state import Section, Wanted, is_left_path, left_range
from qmailpanel.qmail.plan.steps import Move

_DROP = "DELETE FROM kept WHERE name = ? AND local = ? AND round = ?"
_OWN = "INSERT OR REPLACE INTO prepend VALUES (?, ?)"
_NAMES = "SELECT DISTINCT name FROM kept WHERE local = x''"
_ROWS = "SELECT local, round, value FROM kept WHERE name = ? %s ORDER BY local, round"
_UNFINISHED = "FROM kept INDEXED BY kept_unfinished WHERE name = ? AND round > 0"
_AT_ONCE = 100  # addresses that one statement asks for
_WHOLE: Mapping[str, Part | None] = {}

Values = list[tuple[object, ...]]


class Memory(MemoryFacts):
    """The sections last applied, by domain name; more than one while a run is not finished.

    Also who had each prepend last. What is asked for a part of a domain, or said of one, costs as
    much as the part.
    """

    def names(self) -> list[str]:
        """The domains that have something on the host."""
        return [name for (name,) in self._read(_NAMES)]

    def left_names(self) -> set[str]:
        """What is left there of domains."""
        rows = self._read(f"{_NAMES} AND name >= ? AND name < ?", *left_range())
        return {name for (name,) in rows}

    def sections(
        self, names: Iterable[str], parts: Mapping[str, Part | None] = _WHOLE
    ) -> dict[str, tuple[Section, ...]]:
        """What was last applied for these domains, or for parts of them.

        First what was applied when the last run was over, then what each of those that are not
        over meant to apply. None where nothing of the domain is known.
        """
        return {name: self._sections(name, parts.get(name)) for name in names}

    def applied_of(self, wanted: Iterable[Wanted]) -> dict[str, tuple[Section, ...]]:
        """What was last applied of what they are about. See `sections`."""
        parts = {one.name: one.part for one in wanted}
        return self.sections(parts, parts)

    def all_sections(self) -> Iterator[tuple[str, tuple[Section, ...]]]:
        """One domain after the other."""
        everything = self._read("SELECT * FROM kept ORDER BY name, local, round")
        for name, those in groupby(everything, itemgetter(0)):
            rows = {(from_key(key), number): text for _, key, number, text in those}
            yield name, tuple(distinct_sections(rows))

    def locals(self, name: str) -> set[str]:
        """The local parts, and the frame, of which something of a domain is kept."""
        rows = self._read("SELECT DISTINCT local FROM kept WHERE name = ?", name)
        return {from_key(key) for (key,) in rows}

    def unfinished(self, name: str) -> frozenset[str]:
        """The local parts, or the frame, of which a run that is not over has something."""
        rows = self._read(f"SELECT local {_UNFINISHED}", name)
        return frozenset(from_key(key) for (key,) in rows)

    def intend(self, sections: Mapping[str, Section]) -> None:
        """Note, before anything is written, what will be: a killed run finds its own lines."""
        news, prepends = Values(), dict[int, str]()
        for name, section in sections.items():
            texts = find_news(self._rows(name, section.part), section)
            if texts:
                number = self._next_round(name)
                news += to_values([(name, {(local, number): texts[local] for local in texts})])
            if any(section.lines.values()) and not is_left_path(name):
                prepends[section.prepend] = name
        owners = [pair for pair in prepends.items() if self.owner_of(pair[0]) != pair[1]]
        self._write((KEEP, news), (_OWN, owners))

    def finish(self, sections: Mapping[str, Section]) -> None:
        """Note what was applied, now that it is.

        Without that it is known too, as what a run that is not over meant to apply.
        """
        gone, news = Values(), Values()
        for name, section in sections.items():
            texts = to_texts(section) if self._keeps_anything(name, section) else {}
            rows = {(local, FINISHED): text for local, text in texts.items()}
            self._change(name, self._rows(name, section.part), rows, gone, news)
        self._write((_DROP, gone), (KEEP, news), level="NORMAL")

    def relearn(self, former: Iterable[str], sections: Mapping[str, Sequence[Section]]) -> None:
        """Know these alone of these domains, and nothing of the `former` names, in one step."""
        gone, news = Values(), Values()
        for name in {*former, *sections}:
            rows = to_rows(dict(enumerate(sections.get(name, ()))))
            self._change(name, self._rows(name), rows, gone, news)
        owners = [(those[-1].prepend, name) for name, those in sections.items()]
        self._write((_DROP, gone), (KEEP, news), (_OWN, owners))

    def owner_of(self, prepend: int) -> str | None:
        """The domain that had the number last, on the host or not any more."""
        row = next(self._read("SELECT name FROM prepend WHERE number = ?", prepend), None)
        return row[0] if row else None

    @property
    def highest_prepend(self) -> int:
        """Of all that were ever applied."""
        (highest,) = next(self._read("SELECT COALESCE(MAX(number), 0) FROM prepend"))
        return int(highest)

    def move(self, name: str, owner: str, move: Move) -> None:
        """Note a move: what was applied for `name` is at its new place, and `owner`'s.

        Of another domain that had the owner's name only lines can be left, or nothing could move.
        """
        is_home = name == owner and "/" in move.path
        part = frozenset(map(local_of_path, (move.path, move.to))) if is_home else None
        before = self._rounds(name, part)
        rounds = {number: move_section(section, move) for number, section in before.items()}
        gone, news = Values(), Values()
        if name != owner:
            others = self._rounds(owner).values()
            lines = [replace(section, files={}, homes={}) for section in others]
            rounds = dict(enumerate([*lines, *rounds.values()]))
            self._change(name, self._rows(name), {}, gone, news)
        self._change(owner, self._rows(owner, part), to_rows(rounds), gone, news)
        owners = [(section.prepend, owner) for section in before.values()]
        links = [(move_path(path, move), move_path(at, move)) for path, at in self.links]
        links = [link for link in links if link[0] != link[1]] + [(move.path, move.to)]
        self._write(
            (_DROP, gone),
            (KEEP, news),
            (_OWN, owners),
            (FORGET, [("moving",)]),
            (NOTE, [fact_of_links(links)]),
        )

    def _sections(self, name: str, part: Part | None) -> tuple[Section, ...]:
        return tuple(distinct_sections(self._rows(name, part), part))

    def _rounds(self, name: str, part: Part | None = None) -> dict[int, Section]:
        rounds = pictures(self._rows(name, part))
        return {number: from_texts(texts, part) for number, texts in rounds.items()}

    def _rows(self, name: str, part: Part | None = None) -> Rows:
        """What is kept of a domain, or of a part of it."""
        if part is None:
            found = self._read(_ROWS % "", name)
        else:
            keys = [to_key(local) for local in sorted({FRAME, *part})]
            some = (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))
            found = chain.from_iterable(self._read_some(name, those) for those in some)
        return {(from_key(key), number): text for key, number, text in found}

    def _read_some(self, name: str, keys: Sequence[bytes]) -> Iterator[tuple[bytes, int, str]]:
        marks = ",".join("?" * len(keys))
        return self._read(_ROWS % f"AND local IN ({marks})", name, *keys)

    def _next_round(self, name: str) -> int:
        ((number,),) = self._read(f"SELECT COALESCE(MAX(round), 0) + 1 {_UNFINISHED}", name)
        return int(number)

    def _keeps_anything(self, name: str, section: Section) -> bool:
        """Whether anything is left of a domain of which this is the whole, or a part."""
        if section.files or section.homes or section.logins or any(section.lines.values()):
            return True
        own = {FRAME, *(section.part or ())}
        return section.part is not None and bool(self.locals(name) - own)

    @staticmethod
    def _change(name: str, before: Rows, after: Rows, gone: Values, news: Values) -> None:
        """Add what has to be dropped and kept, so that of these rows those are left."""
        lost = sorted(before.keys() - after.keys())
        gone += [(name, to_key(local), number) for local, number in lost]
        differing = {at: text for at, text in after.items() if before.get(at) != text}
        news += to_values([(name, differing)])
