"""A memory of another moment than host or database learns from rows and homes what is ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.layout.former import Renames, as_before
from qmailpanel.qmail.layout.rows import DomainRows
from qmailpanel.qmail.layout.undone import render_undone
from qmailpanel.qmail.numbers import HIGHEST_PREPEND, read_number
from qmailpanel.qmail.plan.renamed import move_section
from qmailpanel.qmail.plan.state import Home, Section, Wanted, is_left_path, left_path
from qmailpanel.qmail.plan.steps import Failed, Move

from .domain_rows import read_rows
from .wanted import snapshot
from .whereabouts import Whereabouts, locate


@dataclass(frozen=True)
class _Domain:
    wanted: Wanted
    rows: DomainRows
    at: Whereabouts


def recall(host: Host, wanted: Sequence[Wanted]) -> Failed:
    """Have it know where homes stand, and what was removed, switched off or renamed since.

    Returns of which domains nobody can say where they stand, and why.
    """
    lines = _read_lines(host)
    found = _find_domains(host, [one for one in wanted if not one.held], lines)
    domains = [domain for domain in found if not domain.at.doubt]
    renames = _find_renames(domains)
    ways = host.logins.read_ways(host.layout.mail_root)
    former, sections = set[str](), dict[str, list[Section]]()
    for domain in domains:
        name = host.moves.find_name(domain.wanted)
        known = [_correct(section, domain, name) for section in host.memory.sections([name])[name]]
        learned = list(_learn(host, domain, renames, lines))
        if known or learned:
            former.add(name)
            opened = _learn_logins(domain, ways)
            sections.setdefault(domain.at.directory, []).extend([opened, *known, *learned])
    _keep_lines_of_others(host, former, sections)
    host.memory.relearn(former, sections)
    _learn_links(host, domains)
    host.shared.forget()
    return {each.wanted.name: each.at.doubt for each in found if each.at.doubt}


# where everything is


def _read_lines(host: Host) -> set[bytes]:
    contents = (file.read(again=True) for file in host.shared.files.values())
    return {line for content in contents for line in split_lines(content or b"")}


def _find_domains(host: Host, wanted: Sequence[Wanted], lines: Set[bytes]) -> list[_Domain]:
    """Without those whose number another domain had last."""
    here = {one.domain: one for one in wanted if one.domain and not is_left_path(one.name)}
    with snapshot():
        rows = list(read_rows(sorted(here)))
    marks, wildcards = host.read_marks(), _find_wildcards(host, lines)
    domains = [
        _Domain(one, row, locate(one, row, marks, wildcards))
        for row in rows
        for one in [here[row.domain]]
    ]
    return [domain for domain in domains if _has_its_number(host, domain, wildcards)]


def _find_wildcards(host: Host, lines: Set[bytes]) -> dict[int, str]:
    """The directory to which the wildcard of each prepend leads."""
    root = f"{host.layout.mail_root}/"
    wildcards = dict[int, str]()
    for line in lines:
        key = line.partition(b":")[0]
        number = read_number(key.removeprefix(b"+").removesuffix(b"-"), HIGHEST_PREPEND)
        if number is not None and key == b"+%d-" % number:
            wildcards[number] = assign.home_of(line).decode("latin-1").removeprefix(root)
    return wildcards


def _has_its_number(host: Host, domain: _Domain, wildcards: Mapping[int, str]) -> bool:
    """Of a number that the memory does not know, whoever its wildcard leads to is the owner."""
    one, prepend = domain.wanted, domain.rows.prepend
    owner = host.memory.owner_of(prepend) or wildcards.get(prepend)
    names = {None, one.name, *one.former, domain.at.directory, host.moves.find_name(one)}
    return owner in {*names, left_path(prepend)} or domain.at.has_number


def _find_renames(domains: Sequence[_Domain]) -> Renames:
    names = {one.wanted.name: one.at.former for one in domains}
    addresses = dict[str, str]()
    for domain in domains:
        for row in domain.rows.mailboxes:
            local = domain.at.locals_.get(row.mailbox, row.local)
            if local != row.local:
                for name in (domain.wanted.name, *domain.wanted.former):
                    addresses[f"{row.local}@{name}"] = f"{local}@{names.get(name, name)}"
    return Renames({new: old for new, old in names.items() if new != old}, addresses)


# what the memory knows then


def _correct(section: Section, domain: _Domain, name: str) -> Section:
    """As it was applied under `name`, with its homes where they stand."""
    if section.prepend != domain.rows.prepend:
        return section
    at = domain.at
    moved = move_section(section, Move(name, at.directory))
    numbers = {path: number for number, path in at.homes.items()}
    homes = {
        path: home
        for path, home in moved.homes.items()
        if at.homes.get(home.mailbox, path) == path
        and numbers.get(path, home.mailbox) == home.mailbox
    }
    return replace(moved, homes=homes)


def _learn(host: Host, domain: _Domain, renames: Renames, lines: Set[bytes]) -> Iterator[Section]:
    """What its rows would have now, and would have had before they were renamed."""
    to_homes = _learn_lines_to(host, domain, lines)
    if to_homes.homes or any(to_homes.lines.values()):
        yield to_homes
    now, at = domain.rows, domain.at
    before = as_before(now, at.former, at.locals_, renames)
    for rows in (now,) if before == now else (now, before):
        for undone in render_undone(rows, host.layout):
            section = _put_homes(_without_lines_of_others(undone, lines), at)
            if any(section.lines.values()):
                yield move_section(section, Move(rows.name, at.directory))
            elif section.homes:
                yield replace(section, files={})


def _learn_lines_to(host: Host, domain: _Domain, lines: Set[bytes]) -> Section:
    """Assignments to homes that move or are archived, whoever had them: they would lead nowhere."""
    at, prepend = domain.at, domain.rows.prepend
    paths = set(at.nameless)
    for path, number in domain.wanted.homes.items():
        if number in at.homes:
            paths |= {at.homes[number], f"{at.former}/{at.locals_[number]}"} - {path}
    homes = {f"{host.layout.mail_root}/{path}".encode() for path in paths}
    own = [x for x in lines if x.startswith(b"=%d-" % prepend) and assign.home_of(x) in homes]
    nameless = {path: Home(number, b"") for path, number in at.nameless.items()}
    return Section(prepend, {Shared.ASSIGN: keyed(Shared.ASSIGN, own)}, {}, nameless)


def _learn_logins(domain: _Domain, ways: Mapping[str, Set[str]]) -> Section:
    """The login files, of whatever name, that open homes of it. `ways`: by directory."""
    names = ways.get(domain.at.directory, set()) | ways.get(domain.wanted.name, set())
    return Section(domain.rows.prepend, {}, {}, {}, tuple(sorted(names)))


def _put_homes(section: Section, at: Whereabouts) -> Section:
    """Where they stand; without those that do not say whose they are."""
    homes = [home for home in section.homes.values() if home.mailbox in at.homes]
    return replace(section, homes={at.homes[home.mailbox]: home for home in homes})


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


def _keep_lines_of_others(host: Host, former: Set[str], sections: dict[str, list[Section]]) -> None:
    """Of who was known under a name where a domain stands now."""
    for name, before in host.memory.sections(sections.keys() - former).items():
        others = [replace(section, files={}, homes={}) for section in before]
        sections[name] = [*others, *sections[name]]


def _learn_links(host: Host, domains: Sequence[_Domain]) -> None:
    links = [link for domain in domains for link in domain.at.links.items()]
    host.memory.links = list(dict.fromkeys([*host.memory.links, *links]))
