"""A memory that is lost, or older than the host, learns from the rows what is ours."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.layout.undone import render_undone
from qmailpanel.qmail.plan.state import Section, Wanted, is_left_path

from .domain_rows import read_rows
from .wanted import snapshot


def recall(host: Host, wanted: Sequence[Wanted]) -> None:
    """Have it know the lines, files and homes of what was removed or switched off since."""
    domains = [one for one in wanted if one.domain and not is_left_path(one.name)]
    names = {one.domain: one.name for one in domains if host.moves.find_name(one) == one.name}
    with snapshot():
        rows = list(read_rows(sorted(names)))
    there = _read_lines(host)
    for row in rows:
        if host.memory.owner_of(row.prepend) not in (None, row.name):
            continue
        for undone in render_undone(row, host.layout):
            section = _without_lines_of_others(undone, there)
            if any(section.lines.values()):
                host.memory.intend({row.name: _without_homes_of_others(host, section)})
    host.shared.forget()


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


def _without_homes_of_others(host: Host, section: Section) -> Section:
    """With those alone that say whose they are."""
    marks = {path: host.root.read_marks(path) for path in section.homes}
    homes = {path: home for path, home in section.homes.items() if home.mailbox in marks[path]}
    return replace(section, homes=homes)
