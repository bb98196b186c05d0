"""A memory that is lost, or older than the host, learns from the rows what is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from qmailpanel.domains.models import Claim
from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.marks import read_homes
from qmailpanel.qmail.layout.rows import DomainRows
from qmailpanel.qmail.layout.undone import as_named, render_undone
from qmailpanel.qmail.plan.state import Section, Wanted, is_left_path
from qmailpanel.qmail.plan.steps import Move

from .domain_rows import read_rows
from .wanted import snapshot


def recall(host: Host, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Have it know the lines, files and homes that the rows had before they said something else.

    Returns what is wanted, of a domain that was renamed with the name that its directory has.
    """
    with snapshot():
        rows = list(read_rows(sorted(one.domain for one in wanted if _is_recalled(host, one))))
        names = set(Claim.objects.filter(claims=True).values_list("name", flat=True))
    there = _read_lines(host)
    wildcards = {assign.line_key(line): line for line in there if line.startswith(b"+")}
    renamed = {}
    for row in rows:
        if host.memory.owner_of(row.prepend) not in (None, row.name):
            continue
        name = _find_name(host, row, wildcards, names - {row.name, *row.former})
        if name != row.name:
            host.memory.move(row.name, name, Move(row.name, name))
            renamed[row.domain] = name
        _recall_domain(host, as_named(row, name), there)
    host.shared.forget()
    return [_with_former(one, renamed) for one in wanted]


def _is_recalled(host: Host, one: Wanted) -> bool:
    if one.held or not one.domain or is_left_path(one.name):
        return False
    return host.moves.find_name(one) == one.name


def _with_former(one: Wanted, renamed: Mapping[int, str]) -> Wanted:
    if one.domain not in renamed or is_left_path(one.name):
        return one
    return replace(one, former=(*one.former, renamed[one.domain]))


def _find_name(
    host: Host, row: DomainRows, wildcards: Mapping[bytes, bytes], others: Set[str]
) -> str:
    """Its own, or that of another directory to which its wildcard leads and where its homes are."""
    directory = assign.home_of(wildcards.get(b"+%d-" % row.prepend, b"")).decode("latin-1")
    name = directory.removeprefix(f"{host.layout.mail_root}/")
    if name.startswith((".", "/")) or name in others or host.memory.sections([name])[name]:
        return row.name
    homes = read_homes(host.root.path, name) or {}
    is_here = any(mailbox.mailbox in homes.values() for mailbox in row.mailboxes)
    return name if is_here and read_homes(host.root.path, row.name) is None else row.name


def _recall_domain(host: Host, row: DomainRows, there: Set[bytes]) -> None:
    marks = read_homes(host.root.path, row.name) or {}
    for undone in render_undone(row, host.layout):
        section = _with_homes_as_marked(_without_lines_of_others(undone, there), marks)
        section = _with_lines_to(section, section.homes.keys() - undone.homes, host, there)
        if any(section.lines.values()):
            host.memory.intend({row.name: section})


def _read_lines(host: Host) -> set[bytes]:
    contents = (file.read() for file in host.shared.files.values())
    return {line for content in contents for line in split_lines(content or b"")}


def _without_lines_of_others(section: Section, there: Set[bytes]) -> Section:
    """With those alone that are there; of a name that others serve by now, none."""
    lines = {
        shared: {key: line for key, line in those.items() if line in there}
        for shared, those in section.lines.items()
    }
    names = lines.get(Shared.VIRTUAL, {})
    for shared in lines.keys() - {Shared.ASSIGN, Shared.VIRTUAL}:
        those = lines[shared].items()
        lines[shared] = {key: line for key, line in those if _name_of(key) in names}
    return replace(section, lines=lines)


def _name_of(key: bytes) -> bytes:
    """Of a host or of a recipient."""
    return key.rpartition(b"@")[2]


def _with_homes_as_marked(section: Section, marks: Mapping[str, int | None]) -> Section:
    """Each where it says so: at its place, or at that of another name if nothing stands there."""
    places = {mailbox: path for path, mailbox in marks.items()}
    homes = {}
    for path, home in section.homes.items():
        place = path if path in marks else places.get(home.mailbox)
        if place and marks[place] == home.mailbox:
            homes[place] = home
    return replace(section, homes=homes)


def _with_lines_to(section: Section, moving: Set[str], host: Host, there: Set[bytes]) -> Section:
    """And with the assignments to homes that will move: they would lead to nothing."""
    if not moving:
        return section
    homes = {f"{host.layout.mail_root}/{path}".encode() for path in moving}
    own = b"=%d-" % section.prepend
    lines = [line for line in there if line.startswith(own) and assign.home_of(line) in homes]
    assigned = {**section.lines.get(Shared.ASSIGN, {}), **keyed(Shared.ASSIGN, lines)}
    return replace(section, lines={**section.lines, Shared.ASSIGN: assigned})
