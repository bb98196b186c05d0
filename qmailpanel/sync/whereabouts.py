"""Where the homes of a domain stand by their marks, and what it was called before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from qmailpanel.qmail.host.home_maker import MARK
from qmailpanel.qmail.layout.rows import DomainRows
from qmailpanel.qmail.plan.marks import Marks
from qmailpanel.qmail.plan.state import Wanted

SPLIT = "homes of this domain stand in %s: move them together"
TWICE = "%s say that they are the home of one mailbox: move all but one away"
ELSEWHERE = "%s says that it is a home of this domain: move it to the directory of that"
UNPROVEN = "others may have written %s: see whose home it is, and give that file to root"


@dataclass(frozen=True)
class Whereabouts:
    """Of one domain. `directory` and `homes`: where it stands, and the home of each number.

    `former` and `locals_`: what it, and its mailboxes by number, were called when its lines were
    written. `links`: those that moves left. `nameless`: homes of removed mailboxes that gave up
    their names. `has_number`: its number leads to homes of it. `doubt`: why nobody can say where it
    stands, if so.
    """

    directory: str
    homes: Mapping[int, str]
    former: str
    locals_: Mapping[int, str]
    links: Mapping[str, str]
    nameless: Mapping[str, int]
    has_number: bool
    doubt: str


def locate(
    one: Wanted, rows: DomainRows, marks: Marks, wildcards: Mapping[int, str]
) -> Whereabouts:
    """`wildcards`: the directory to which that of each prepend leads."""
    assigned = wildcards.get(rows.prepend, "")
    standing = {number: marks.homes.get(number, ()) for number in one.homes.values()}
    proven = {path for paths in standing.values() for path in paths} - marks.unproven
    directories = {path.partition("/")[0] for path in proven}
    directories -= {path for prepend, path in wildcards.items() if prepend != rows.prepend}
    directory, doubt = _choose_directory(one, directories, marks, assigned)
    homes = dict[int, str]()
    for path, number in one.homes.items():
        own, paths = f"{directory}/{_last_name(path)}", standing[number]
        doubt = doubt or _doubt_home(own, paths, marks)
        if paths:
            homes[number] = own if own in paths else paths[0]
    links = dict(_find_links(one, rows, directory, homes.values(), marks))
    before = {to: _last_name(path) for path, to in links.items()}
    is_known = assigned in (one.name, *one.former)
    return Whereabouts(
        directory=directory,
        homes=homes,
        former=before.get(directory, assigned if is_known else directory),
        locals_={n: before.get(path, _last_name(path)) for n, path in homes.items()},
        links=links,
        nameless=dict(_find_nameless(rows, directory, marks)),
        has_number=assigned in directories,
        doubt=doubt,
    )


def _choose_directory(
    one: Wanted, directories: Collection[str], marks: Marks, assigned: str
) -> tuple[str, str]:
    """Of those in which homes of it stand; and why it may be another one."""
    for name in (one.name, assigned):
        if name in directories:
            return name, ""
    if directories:
        doubt = SPLIT % " and ".join(sorted(directories)) if len(directories) > 1 else ""
        return min(directories), doubt
    is_former = assigned in one.former and marks.links.get(assigned) != one.name
    return assigned if is_former else one.name, ""


def _doubt_home(own: str, paths: Collection[str], marks: Marks) -> str:
    """Why none of these is surely the home. `own`: its path unless it was renamed."""
    if not paths or own in paths:
        return ""
    [path, *others] = paths
    if others:
        return TWICE % " and ".join(paths)
    if path in marks.unproven:
        return UNPROVEN % f"{path}/{MARK}"
    return "" if path.partition("/")[0] == own.partition("/")[0] else ELSEWHERE % path


def _find_links(
    one: Wanted, rows: DomainRows, directory: str, homes: Collection[str], marks: Marks
) -> Iterator[tuple[str, str]]:
    """Those to where it stands whose name a rename left to an alias domain, or an alias."""
    locals_ = [row.local for row in rows.aliases]
    left = {directory: one.former} | dict.fromkeys(homes, locals_)
    for path, to in marks.links.items():
        if _last_name(path) in left.get(to, ()):
            yield path, to


def _find_nameless(rows: DomainRows, directory: str, marks: Marks) -> Iterator[tuple[str, int]]:
    for number in rows.nameless:
        for path in marks.homes.get(number, ()):
            if path.partition("/")[0] == directory and path not in marks.unproven:
                yield path, number


def _last_name(path: str) -> str:
    return path.rpartition("/")[2]
