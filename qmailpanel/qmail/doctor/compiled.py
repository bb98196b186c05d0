"""Traps of files that qmail reads compiled. See maps.py, qmail-newu(8) and qmail-newmrh(8)."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping

from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import LINES, Finding, Findings, Severity, Trap
from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

NO_MAP = Trap(
    gettext_noop("It is missing: the mail of all %(count)s assignments bounces."),
    gettext_noop("Run qmail-newu, or let the sync service make it."),
    ALARM,
)
NO_LIST = Trap(
    gettext_noop("It is missing: mail for the names in %(source)s is refused."),
    gettext_noop("Compile it: %(program)s, or let the sync service make it."),
    ALARM,
)
DAMAGED = Trap(
    gettext_noop("It is damaged: all local mail waits, up to a week, and then bounces."),
    gettext_noop("Run qmail-newu."),
    ALARM,
)
LIST_DAMAGED = Trap(
    gettext_noop("It is damaged: qmail-smtpd breaks off with 421 where it asks it."),
    gettext_noop("Compile it: %(program)s."),
    ALARM,
)
SAYS_OTHER = Trap(
    gettext_noop(
        "%(map)s was not made since this line was written: it says something else of "
        "%(name)s, or nothing."
    ),
    gettext_noop("Compile it: %(program)s. Until then the line has no effect."),
)
SAYS_MORE = Trap(
    gettext_noop("It still answers for %(name)s, which %(source)s no longer has."),
    gettext_noop("Compile it: %(program)s."),
)
NO_WILDCARDS = Trap(
    gettext_noop("It does not say what wildcards end in: all local mail waits."),
    gettext_noop("Run qmail-newu."),
    ALARM,
)
ORPHAN = Trap(
    gettext_noop("%(source)s is gone, but its compiled form is still asked."),
    gettext_noop("Remove this file too, or write %(source)s again and compile it: %(program)s."),
)
NO_SOURCE = Trap(
    gettext_noop("It is missing, though users/cdb is there: qmail-newu cannot be run any more."),
    gettext_noop("Write it again; the sync service makes it from what users/cdb has."),
)
LEFT_OVER = Trap(
    gettext_noop("A compile that was killed left it; it takes the room that the next one needs."),
    gettext_noop("Remove it while no %(program)s runs."),
    NOTE,
)
IN_THE_WAY = Trap(
    gettext_noop("A directory is in the way of %(program)s: the map stays as it is."),
    gettext_noop("Remove the directory."),
)
LEADS_AWAY = Trap(
    gettext_noop("A symbolic link: %(program)s follows it, writes there and makes it the map."),
    gettext_noop("Remove the link."),
    ALARM,
)
_COMPILED = {Shared.ASSIGN, Shared.MORE}  # by a program of qmail's: the map has nothing else
_A_SCRIPT = "the script of this site"


def examine_compiled(host: ExaminedHost) -> Findings:
    """Whether each map is there, whole, and says what its file says."""
    for shared, its in MAPS.items():
        params = {"source": str(shared), "map": its.path, "program": its.program or _A_SCRIPT}
        yield from _examine_temporary(host, its.path, params)
        if its.path in host.files:
            yield from _examine_map(host, shared, params)
        else:
            yield from _find_missing(host, shared, params)


def _examine_temporary(
    host: ExaminedHost, path: str, params: Mapping[str, str]
) -> Iterator[Finding]:
    name = f"{path.removesuffix('.cdb')}.tmp"
    file = host.files.get(name)
    if file is None:
        return
    kinds = {stat.S_IFDIR: IN_THE_WAY, stat.S_IFLNK: LEADS_AWAY}
    yield kinds.get(stat.S_IFMT(file.mode), LEFT_OVER).at(name, **params)


def _find_missing(
    host: ExaminedHost, shared: Shared, params: Mapping[str, str]
) -> Iterator[Finding]:
    content = host.text(shared)
    if content is None:
        return
    if shared is Shared.ASSIGN:
        count = sum(1 for _ in _read_records(shared, content))
        if count:
            yield NO_MAP.at(MAPS[shared].path, count=str(count))
    elif control.entries(content):
        yield NO_LIST.at(MAPS[shared].path, **params)


def _examine_map(host: ExaminedHost, shared: Shared, params: Mapping[str, str]) -> Findings:
    content, compiled, path = host.text(shared), host.maps.get(shared), MAPS[shared].path
    if content is None and shared not in host.files:
        is_assign = shared is Shared.ASSIGN
        yield NO_SOURCE.at(shared) if is_assign else ORPHAN.at(path, **params)
    try:
        if compiled is None:
            raise ValueError(path)
        if shared is Shared.ASSIGN and compiled.find(b"") is None:
            yield NO_WILDCARDS.at(path)
        yield from _compare_records(shared, content, compiled, params)
    except (OSError, ValueError):
        yield (DAMAGED if shared is Shared.ASSIGN else LIST_DAMAGED).at(path, **params)


def _compare_records(
    shared: Shared, content: bytes | None, compiled: AnyMap, params: Mapping[str, str]
) -> Findings:
    """Each record of the file with what the map says, then what the map says besides."""
    its, known = MAPS[shared], {b""}
    for count, (number, key, data) in enumerate(_read_records(shared, content or b""), start=1):
        if key not in known:  # of equal names the first counts
            known.add(key)
            if compiled.find(key) != data:
                yield SAYS_OTHER.at(shared, number, name=_name_of(its.line(key, data)), **params)
        if count % LINES == 0:
            yield None
    for count, (key, data) in enumerate(compiled.records(), start=1):
        if shared in _COMPILED and content is not None and key not in known:
            yield SAYS_MORE.at(its.path, name=_name_of(its.line(key, data)), **params)
        if count % LINES == 0:
            yield None


def _name_of(line: bytes | None) -> bytes:
    return (line or b"").partition(b":")[0].rstrip(b"\n")


def _read_records(shared: Shared, content: bytes) -> Iterable[tuple[int, bytes, bytes]]:
    """Line number, key and data of what a compiler takes of a file; broken lines left out."""
    if shared is not Shared.ASSIGN:
        for number, line in enumerate(control.split_lines(content), start=1):
            name = line.rstrip(b" \t\n").lower()
            if name and not name.startswith(b"#"):
                yield number, MAPS[shared].key(name), b""
        return
    for number, line in enumerate(control.split_lines(content), start=1):
        if line.startswith(b"."):
            return
        if line.count(b":") >= assign.COLONS:
            yield number, *assign.pair(line)
