"""The shared files and their maps, as they are: whose each line is, and what the maps answer."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from qmailpanel.qmail.formats import cdb, control
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import (
    Foreign,
    LineFile,
    Part,
    Shared,
    key_of,
)
from qmailpanel.qmail.host.files import opened
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.host.own_lines import OwnLines
from qmailpanel.qmail.host.shared_file import SharedFile
from qmailpanel.qmail.plan.state import Applied, Wanted, is_left_path, left_path, lines_of

FEW = 1_000  # keys: for more it is quicker to copy all of a map
Answers = Mapping[bytes, bytes | None]


@dataclass(frozen=True)
class SharedSeen:
    """`maps`: what each answers; None where it is missing or unreadable."""

    files: Mapping[Shared, LineFile]
    maps: Mapping[Shared, Answers | None]
    disturbed: frozenset[str]


class SharedObserver:
    """Takes a file apart only when it has other bytes than the last time."""

    def __init__(self, home: str, memory: Memory) -> None:
        self.home = home
        self.memory = memory
        self.ours = OwnLines(memory)
        self.files = {
            shared: SharedFile(home, shared, partial(self._read_ours, shared)) for shared in Shared
        }
        self._directories = {file.directory for file in self.files.values()}
        self.known: Mapping[Shared, LineFile] = {}
        self._uncompiled = {shared: set[bytes]() for shared in MAPS}  # foreign, not yet seen there

    def observe(
        self, wanted: Sequence[Wanted], applied: Applied, *, whole: bool = False
    ) -> SharedSeen:
        """See Host.observe; `known` becomes what was seen when all else was, too."""
        files = self._read_files(wanted, again=whole)
        disturbed = self._find_disturbed(files, {one.name: one.part for one in wanted})
        for which in MAPS:
            self._note_uncompiled(files[which].foreign)
        answers = {
            which: self._ask(which, self._keys_to_ask(wanted, applied, files[which], whole=whole))
            for which in MAPS
        }
        return SharedSeen(files, answers, disturbed)

    def forget(self) -> None:
        """The memory knows domains by other names now."""
        self.known = {}

    def stamp(self) -> tuple[object, ...]:
        """See Host.stamp."""
        names = [*Shared, *(each.path for each in MAPS.values())]
        stamps = tuple(_stamp(f"{self.home}/{name}") for name in names)
        return *stamps, *map(len, self._read_late_lines().values())

    def _read_late_lines(self) -> dict[Shared, bytes]:
        """Each directory is listed once for all its files."""
        names = {directory: _list(directory) for directory in self._directories}
        return {
            shared: file.read_late_lines() if file.has_late(names[file.directory]) else b""
            for shared, file in self.files.items()
        }

    def _read_files(self, wanted: Sequence[Wanted], *, again: bool) -> dict[Shared, LineFile]:
        contents = {shared: file.read(again=again) for shared, file in self.files.items()}
        late = self._read_late_lines()
        news = {
            shared: content
            for shared, content in contents.items()
            if late[shared] or not self._is_known(shared, content, wanted)
        }
        files = {**self.known, **(self._take_apart(news, wanted) if news else {})}
        return {which: _append(files[which], late[which]) for which in Shared}

    def _is_known(self, shared: Shared, content: bytes | None, wanted: Sequence[Wanted]) -> bool:
        known = self.known.get(shared)
        return known is not None and known.content == content and not _adopts(known, wanted)

    def _find_disturbed(
        self, files: Mapping[Shared, LineFile], looked_at: Mapping[str, Part | None]
    ) -> frozenset[str]:
        """What is not looked at may have lost lines since they were written: it wants a look too.

        `looked_at`: parts of domains, by name.
        """
        disturbed = set[str]()
        for shared, known in self.known.items():
            file = files[shared]
            before, after = known.sections, file.sections
            names = before.keys() | after if file is not known else ()
            changed = {name for name in names if before.get(name) != after.get(name)}
            disturbed |= {name for name in changed if name not in looked_at}
            for name in changed & looked_at.keys():
                part = looked_at[name]
                if known.others(name, part) != file.others(name, part):
                    disturbed.add(name)
        return frozenset(disturbed)

    def _note_uncompiled(self, foreign: Foreign) -> None:
        """Somebody may have written after the last qmail-newu, or instead of calling it."""
        shared = foreign.shared
        known = self.known.get(shared)
        before = known.foreign.keys if known else {}
        keys = self._uncompiled[shared]
        if not known or foreign is not known.foreign:
            keys |= {key for key, _ in foreign.keys.items() - before.items()}
        wanted = MAPS[shared].answers(foreign, keys)
        answers = (self._ask(shared, wanted) if wanted else None) or {}
        self._uncompiled[shared] = {k for k, data in wanted.items() if answers.get(k) != data}

    def _keys_to_ask(
        self, wanted: Sequence[Wanted], applied: Applied, file: LineFile, *, whole: bool
    ) -> set[bytes]:
        """The keys that a map is asked about."""
        keys = _keys_of(wanted, applied, file) | self._uncompiled[file.shared]
        return keys | file.foreign.keys.keys() if whole else keys

    def _take_apart(
        self, contents: Mapping[Shared, bytes | None], wanted: Sequence[Wanted]
    ) -> dict[Shared, LineFile]:
        files = self.ours.take_apart(contents, wanted)
        return {shared: self._recover(file) for shared, file in files.items()}

    def _read_ours(self, shared: Shared) -> set[bytes]:
        """The lines that the memory knows, without their newlines."""
        return {line.removesuffix(b"\n") for _, line in self.ours.read(shared)}

    def _recover(self, file: LineFile) -> LineFile:
        """Foreign lines of a missing or broken file that has a map, so that none leaves the map."""
        if file.shared not in MAPS:
            return file
        is_assign = file.shared is Shared.ASSIGN
        if file.content is not None and not file.unclean:
            if is_assign:
                self.memory.foreign = file.foreign.text
            return file
        remembered = control.split_lines(self.memory.foreign) if is_assign else []
        lines = remembered or self._foreign_in_map(file.shared)
        there = set(file.foreign.raws)
        lost = (line for line in lines if line not in there)
        return replace(file, foreign=Foreign(file.shared, (*file.foreign.raws, *lost)))

    def _foreign_in_map(self, shared: Shared) -> list[bytes]:
        its = MAPS[shared]
        try:
            with opened(f"{self.home}/{its.path}", follow=True) as (fd, _):
                records = [its.line(key, data) for key, data in cdb.AnyMap(fd).records()]
        except (OSError, ValueError):
            return []
        lines = [line for line in records if line]
        ours = {key for key, _ in self.ours.read(shared)} if lines else set()
        return [line for line in lines if key_of(shared, line) not in ours]

    def _ask(self, shared: Shared, keys: Collection[bytes]) -> Answers | None:
        """What a map answers for these; None where it is missing or unreadable."""
        its = MAPS[shared]
        try:
            with opened(f"{self.home}/{its.path}", follow=True) as (fd, _):
                asked = cdb.FewOf(fd) if len(keys) <= FEW else cdb.AnyMap(fd)
                return {key: asked.find(its.key(key)) for key in keys}
        except (OSError, ValueError):
            return None


def _keys_of(wanted: Sequence[Wanted], applied: Applied, file: LineFile) -> set[bytes]:
    keys = set[bytes]()
    for one in wanted:
        keys.update(one.section.lines.get(file.shared, ()), file.section(one.name, one.part))
        for section in applied.get(one.name, ()):
            keys.update(section.lines.get(file.shared, ()))
    return keys


def _adopts(file: LineFile, wanted: Sequence[Wanted]) -> bool:
    """Whether a line that is not yet a domain's is just what it wants: it is the domain's then.

    It is foreign, or the same line was there for what is left of the domain, or for the domain.
    """
    foreign = file.foreign.keys
    return any(_wants_other_lines(one, file) for one in wanted) or any(
        line in foreign.get(key, ())
        for one in wanted
        for key, line in lines_of(one.section, file.shared).items()
    )


def _wants_other_lines(one: Wanted, file: LineFile) -> bool:
    if not (is_left_path(one.name) or left_path(one.section.prepend) in file.sections):
        return False
    there = file.lines(one.name, one.part)
    return bool(set(lines_of(one.section, file.shared).values()) - set(there))


def _append(file: LineFile, late: bytes) -> LineFile:
    """The file with lines that somebody appended to its predecessor, if any."""
    if not late:
        return file
    late = late if late.endswith(b"\n") else late + b"\n"
    if file.shared is Shared.ASSIGN:
        return replace(file, end=file.end + late, unclean="late lines")
    raws = (*control.split_lines(file.foreign.text), *control.split_lines(late))
    return replace(file, foreign=Foreign(file.shared, raws), unclean="late lines")


def _list(directory: str) -> Sequence[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return ()


def _stamp(path: str) -> object:
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError as error:
        return error.errno
    return status.st_ino, status.st_size, status.st_mtime_ns
