"""Which domains can be made true while others are at work: those whose mail never meets theirs.

What was changed later is not true sooner where mail goes over both: an alias would forward to a
mailbox that is not made yet, or to one that is gone while the alias still is to turn away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.hops import Hops, keys_of, targets_of
from qmailpanel.qmail.plan.state import Section, Wanted, empty_section


@dataclass(frozen=True)
class Ways:
    """How mail comes to a domain, and where what changes of it leads mail; before and after.

    `names`: its keys in virtualdomains. `led`: those that mail looks for which goes on by a file
    that changes, or comes to a name that does.
    """

    names: frozenset[bytes] = frozenset()
    led: frozenset[bytes] = frozenset()

    @classmethod
    def of_all(cls, ways: Collection[Ways]) -> Self:
        """As of one domain."""
        names = (each.names for each in ways)
        return cls(frozenset().union(*names), frozenset().union(*(each.led for each in ways)))

    def meet(self, other: Ways) -> bool:
        """Whether mail may go over both."""
        return not (self.led.isdisjoint(other.names) and other.led.isdisjoint(self.names))


def find_ways(one: Wanted, applied: Sequence[Section], hops: Hops) -> Ways:
    """Those of a domain that becomes as wanted."""
    sections = [*(applied or [empty_section(one.section.prepend)]), one.section]
    lines = [set(section.lines.get(Shared.VIRTUAL, {}).items()) for section in sections]
    every = set[tuple[bytes, bytes]]().union(*lines)
    changed = {key.decode("latin-1").lstrip(".") for key, _ in every - every.intersection(*lines)}
    contents = _find_leading(sections, is_whole=bool(changed))
    targets = {target for content in contents for target in targets_of(content)}
    led = (keys_of(name) for name in changed | hops.names_reached(targets))
    return Ways(frozenset(key for key, _ in every), frozenset(chain.from_iterable(led)))


def find_apart(waiting: Mapping[int, Ways], at_work: Ways) -> set[int]:
    """Those that meet nothing at work, nor anything that waits for it."""
    apart = dict(waiting)
    while tied := [number for number, ways in apart.items() if ways.meet(at_work)]:
        at_work = Ways.of_all([at_work, *(apart.pop(number) for number in tied)])
    return set(apart)


def _find_leading(sections: Sequence[Section], *, is_whole: bool) -> set[bytes]:
    """The contents of dot-qmail files that change, and of those that catch whom they let go.

    `is_whole`: of all files, since mail for all of them comes by another name.
    """
    texts = [set(_contents(section)) for section in sections]
    every = set[tuple[str, bytes]]().union(*texts)
    steady = set[tuple[str, bytes]]() if is_whole else every.intersection(*texts)
    return {text for path, text in every if (path, text) not in steady or _catches(path)}


def _contents(section: Section) -> Iterator[tuple[str, bytes]]:
    yield from section.files.items()
    yield from ((f"{path}/.qmail", home.dot_qmail) for path, home in section.homes.items())


def _catches(path: str) -> bool:
    return path.endswith(f"/{dotqmail.file_name('default')}")
