"""Parts of a domain: some of its addresses, and its frame, which is what belongs to none of them.

A change is about a few addresses. Where it is about nothing else, so is the run that makes it
true: it reads, plans and writes their lines, files and homes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import chain

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.shared_files import KNOWN_RECIPIENTS, Part, Shared
from qmailpanel.qmail.plan.draft import home_name
from qmailpanel.qmail.plan.drift import Subject
from qmailpanel.qmail.plan.hops import Target, keys_of, targets_of
from qmailpanel.qmail.plan.state import Applied, Section, Wanted, lines_of

FRAME = ""


def is_in(local: str, part: Set[str] | None) -> bool:
    """Whether an address, or the frame, belongs to it; the frame goes with every part."""
    return part is None or local == FRAME or local in part


def local_of_key(shared: Shared, key: bytes) -> str:
    """The local part that a line is about: `=100-biliards`, `biliards@pandle.net`."""
    text = key.decode("latin-1")
    if shared is Shared.ASSIGN:
        return text.partition("-")[2] if text.startswith("=") else FRAME
    if shared in KNOWN_RECIPIENTS:
        return text.rpartition("@")[0].removeprefix("-")  # `-@pandle.net` is about the others
    return FRAME


def local_of_path(path: str) -> str:
    """That of a home, of the .qmail in it, or of a dot-qmail file of the domain."""
    _, _, below = path.partition("/")
    name = below.partition("/")[0]
    extension = dotqmail.extension_of(name)
    if extension is None:
        return name
    return FRAME if f"-{extension}".endswith("-default") else extension


def local_of(subject: Subject) -> str:
    """That of a line or file that may drift."""
    return local_of_key(*subject.line) if subject.line else local_of_path(subject.file)


def cut_lines(
    shared: Shared, lines: Mapping[bytes, bytes], part: Part | None
) -> Mapping[bytes, bytes]:
    """Those of the part, by key."""
    if part is None:
        return lines
    return {key: line for key, line in lines.items() if is_in(local_of_key(shared, key), part)}


def cut(section: Section, part: Part | None) -> Section:
    """What of a section is about the part."""
    if part is None:
        return section
    return replace(
        section,
        lines={shared: cut_lines(shared, lines, part) for shared, lines in section.lines.items()},
        files={p: text for p, text in section.files.items() if is_in(local_of_path(p), part)},
        homes={p: home for p, home in section.homes.items() if is_in(local_of_path(p), part)},
        part=part,
    )


def find_beyond(wanted: Iterable[Wanted], applied: Applied) -> dict[str, set[str]]:
    """By domain, the addresses outside of the parts to whom mail for these comes.

    They are forwarded to, or have the home of an alias, or so it was. A part is given with them:
    the order in which its files turn depends on all that mail meets behind them, and what answers
    mail names the aliases that bring it.
    """
    parts = {one.name: one for one in wanted if one.part is not None}
    names = {key: one for one in parts.values() for key in lines_of(one.section, Shared.VIRTUAL)}
    sections = {one.name: (one.section, *applied.get(one.name, ())) for one in parts.values()}
    beyond = {name: _homes_of(those) for name, those in sections.items()}
    for local, host in set(chain.from_iterable(map(_targets, chain(*sections.values())))):
        there = next((names[key] for key in keys_of(host) if key in names), None)
        if there:
            beyond[there.name].add(local)
    outside = {name: locals_ - (parts[name].part or set()) for name, locals_ in beyond.items()}
    return {name: locals_ for name, locals_ in outside.items() if locals_}


def _homes_of(sections: Iterable[Section]) -> set[str]:
    """Whose homes their assignments lead to."""
    lines = [section.lines.get(Shared.ASSIGN, {}).items() for section in sections]
    return {home_name(line) for each in lines for key, line in each if key.startswith(b"=")}


def _targets(section: Section) -> Iterator[Target]:
    contents = {*section.files.values(), *(home.dot_qmail for home in section.homes.values())}
    return chain.from_iterable(map(targets_of, contents))
