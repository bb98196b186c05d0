"""New mailboxes that get their mail before the map has them.

To compile the map takes the longer the larger a host is. Until it has the line of a new mailbox,
the wildcard of its domain leads to the domain's directory, and a dot-qmail file there can deliver
into the home at once: `.qmail-biliards` says `./biliards/Maildir/`. The line follows, and later the
file goes, each in a run of its own, so that no delivery that asked the map before misses it. To
whoever gets the mail both ways are the same. See qmail-local(8) and dot-qmail(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.names import AliasLocal, InvalidName
from qmailpanel.qmail.plan.parts import local_of_key
from qmailpanel.qmail.plan.state import Applied, Section, Wanted


class _Way(NamedTuple):
    """How mail comes to a mailbox without a line: by this file."""

    key: bytes
    path: str
    content: bytes


def find_new(wanted: Sequence[Wanted], applied: Applied) -> dict[str, set[str]]:
    """By domain, the new mailboxes of parts of domains that a file can be for.

    None at all where users/assign has more to become than their lines: it is compiled anyway.
    """
    new = dict[str, set[str]]()
    for one in wanted:
        sections = applied.get(one.name, ())
        if len(sections) != 1 and _assignments(one.section):
            return {}  # what a run that was cut has begun is settled first
        before = sections[0] if sections else one.section
        found = {local for local, way in _ways(one) if one.part and _is_new(one, way, before)}
        if as_found(one, found).section.lines.get(Shared.ASSIGN, {}) != _assignments(before):
            return {}
        new |= {one.name: found} if found else {}
    return new


def as_found(one: Wanted, locals_: Set[str], mapped: Set[str] = frozenset()) -> Wanted:
    """The same with files for these mailboxes, and with the lines of those that are `mapped`.

    Those that no file can be for are as they are.
    """
    ways = {local: way for local, way in _ways(one) if local in locals_} if locals_ else {}
    if not ways:
        return one
    section = one.section
    gone = {way.key for local, way in ways.items() if local not in mapped}
    lines = {key: line for key, line in _assignments(section).items() if key not in gone}
    return replace(
        one,
        section=replace(
            section,
            lines={**section.lines, Shared.ASSIGN: lines},
            files={**section.files, **{way.path: way.content for way in ways.values()}},
        ),
        needs={key: home for key, home in one.needs.items() if key not in gone},
        owners={**one.owners, **{way.path: one.owners[way.key] for way in ways.values()}},
    )


def find_mapped(applied: Iterable[Section]) -> set[str]:
    """The local parts of the lines that were applied."""
    keys = (key for section in applied for key in _assignments(section))
    return {local_of_key(Shared.ASSIGN, key) for key in keys}


def _ways(one: Wanted) -> Iterator[tuple[str, _Way]]:
    """Those of its mailboxes, by local part; an alias that has the home of one is none."""
    for key, path in one.needs.items():
        local = local_of_key(Shared.ASSIGN, key)
        home = one.section.homes.get(path)
        content = dotqmail.from_above(home.dot_qmail, local) if home else None
        if content is not None and path == f"{one.name}/{local}" and _may_name_a_file(local):
            yield local, _Way(key, f"{one.name}/{dotqmail.file_name(AliasLocal(local))}", content)


def _may_name_a_file(local: str) -> bool:
    try:
        AliasLocal(local)
    except InvalidName:
        return False
    return True


def _is_new(one: Wanted, way: _Way, before: Section) -> bool:
    """Nothing of it was applied, not even for somebody who had its name before."""
    is_mapped = way.key in _assignments(before)
    return not (is_mapped or way.path in before.files or one.needs[way.key] in before.homes)


def _assignments(section: Section) -> Mapping[bytes, bytes]:
    return section.lines.get(Shared.ASSIGN, {})
