"""The mail host, the only impure part of this floor: lock, observe, apply. It decides nothing."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from qmailpanel.qmail.formats import cdb, control
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Foreign, LineFile, Shared, key_of, take_apart
from qmailpanel.qmail.host.errors import HostError, StepFailed, or_host_error
from qmailpanel.qmail.host.files import opened, read_file
from qmailpanel.qmail.host.hup import Hup
from qmailpanel.qmail.host.login_files import SIGHT_SECONDS, LoginDirectory, time_of_sight
from qmailpanel.qmail.host.mail_root import MailRoot
from qmailpanel.qmail.host.map_compiler import compile_map
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.host.shared_file import SharedFile, hold_lock
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.plan.order import Plan
from qmailpanel.qmail.plan.renamed import find_moves, move_section
from qmailpanel.qmail.plan.state import Actual, Applied, Section, Wanted, lines_of
from qmailpanel.qmail.plan.steps import (
    Compile,
    Failed,
    LetDeliveriesEnd,
    LetLoginsBeSeen,
    LoginsOf,
    LoginStep,
    Move,
    PathStep,
    RemoveDirectory,
    SettleTree,
    SharedStep,
    Step,
    TellSend,
    WriteShared,
)


class Host:
    """One qmail home and mail root, and the memory of what was applied there."""

    def __init__(self, layout: Layout, memory: str, hup: str) -> None:
        self.layout = layout
        self.home = layout.qmail_home
        self.may_change_owners = os.geteuid() == 0
        self.root = MailRoot(layout.mail_root, layout.mail_user if self.may_change_owners else None)
        self.logins = LoginDirectory(layout.logins, may_change_owners=self.may_change_owners)
        self.memory = Memory(memory)
        self.hup = Hup(self.home, hup)
        self.files = {shared: SharedFile(self.home, shared) for shared in Shared}
        self.known: Mapping[Shared, LineFile] = {}
        self.seen: object = None  # the look at the start of the last observation
        self.replaced: dict[Shared, bytes] = {}  # what was there before a run wrote
        self.unseen: dict[str, float] = {}  # domains whose logins Dovecot sees at that time only
        self.disturbed: set[str] = set()  # domains whose lines somebody else changed
        self.uncompiled = {shared: set[bytes]() for shared in MAPS}  # foreign, not yet seen there

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Be the one writer. Raises HostError when another one is."""
        return hold_lock(self.home)

    # observe

    @or_host_error
    def observe(self, wanted: Sequence[Wanted], applied: Applied, *, whole: bool = False) -> Actual:
        """The host as it is, for these domains. Remembers the shared files as `known`.

        `whole`: ask the maps about all foreign lines too, not only about those that changed since
        they were last seen to have them.
        """
        self.seen = self.look()
        shared = self._observe_shared(wanted)
        self._note_disturbed(shared, {one.name for one in wanted})
        for which in MAPS:
            self._note_uncompiled(shared[which].foreign)
        self.known = shared
        return Actual(
            shared=shared,
            trees={w.name: self.root.observe(w, applied.get(w.name, ())) for w in wanted},
            maps={
                which: self._ask(which, self._asked(wanted, applied, shared[which], whole=whole))
                for which in MAPS
            },
            locals=frozenset(name.lower() for _, name in self.read_locals()),
            hup_owed=self.memory.hup_owed,
            logins=self.logins.observe(_names(wanted, applied)),
        )

    def read_locals(self) -> list[tuple[int, bytes]]:
        """The names that qmail-send treats as its own, by line number. See qmail-send(8)."""
        for name in ("locals", "me"):
            try:
                file = read_file(f"{self.home}/control/{name}", follow=True)
                return control.entries(file.content)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise HostError(f"control/{name} cannot be read.", str(error)) from error
        return []

    @or_host_error
    def wants_lists(self) -> bool:
        """Whether a list of known recipients is to be made, which takes all domains in one plan."""
        return not all(os.path.exists(f"{self.home}/{shared}") for shared in self.layout.lists)

    @or_host_error
    def numbered_directories(self) -> set[int]:
        """The directories of the mail root that look like a prepend."""
        try:
            names = os.listdir(self.root.path)
        except FileNotFoundError:
            return set()
        return {int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10}

    @or_host_error
    def look(self) -> tuple[object, ...]:
        """A cheap glance at the files that others may change: equal as long as nothing did."""
        names = [*Shared, *(each.path for each in MAPS.values())]
        glances = tuple(_glance(f"{self.home}/{name}") for name in names)
        return *glances, *(len(file.late()) for file in self.files.values())

    def _observe_shared(self, wanted: Sequence[Wanted]) -> dict[Shared, LineFile]:
        contents = {shared: file.read() for shared, file in self.files.items()}
        late = {shared: file.late() for shared, file in self.files.items()}
        news = {
            shared: content
            for shared, content in contents.items()
            if late[shared] or not self._is_known(shared, content, wanted)
        }
        found = {**self.known, **(self._take_apart(news, wanted) if news else {})}
        return {which: _append(found[which], late[which]) for which in Shared}

    def _is_known(self, shared: Shared, content: bytes | None, wanted: Sequence[Wanted]) -> bool:
        known = self.known.get(shared)
        return known is not None and known.content == content and not _adopts(known, wanted)

    def _note_disturbed(self, found: Mapping[Shared, LineFile], looked_at: Set[str]) -> None:
        """Other domains may have lost lines since they were written: they want a look too."""
        for shared, known in self.known.items():
            if found[shared] is not known:
                before, after = known.sections, found[shared].sections
                changed = {n for n in before.keys() | after if before.get(n) != after.get(n)}
                self.disturbed |= changed - looked_at

    def _note_uncompiled(self, foreign: Foreign) -> None:
        """Somebody may have written after the last qmail-newu, or instead of calling it."""
        shared = foreign.shared
        known = self.known.get(shared)
        before = known.foreign.keys if known else {}
        keys = self.uncompiled[shared]
        if not known or foreign is not known.foreign:
            keys |= {key for key, _ in foreign.keys.items() - before.items()}
        wanted = MAPS[shared].answers(foreign, keys)
        found = self._ask(shared, wanted) or {}
        self.uncompiled[shared] = {key for key, data in wanted.items() if found.get(key) != data}

    def _asked(
        self, wanted: Sequence[Wanted], applied: Applied, file: LineFile, *, whole: bool
    ) -> set[bytes]:
        """The keys that a map is asked about."""
        keys = _keys(wanted, applied, file) | self.uncompiled[file.shared]
        return keys | file.foreign.keys.keys() if whole else keys

    def _take_apart(
        self, contents: Mapping[Shared, bytes | None], wanted: Sequence[Wanted]
    ) -> dict[Shared, LineFile]:
        """The files split by owner; what the memory says of all domains is read once for them."""
        ours = {shared: dict[bytes, str]() for shared in contents}
        prepends: dict[str, int] = {}
        for name, section in self._all_sections(wanted):
            prepends[name] = section.prepend
            for shared, owners in ours.items():
                owners.update(dict.fromkeys(lines_of(section, shared).values(), name))
        found = {
            shared: take_apart(shared, content, ours[shared], prepends)
            for shared, content in contents.items()
        }
        return {shared: self._recover(file) for shared, file in found.items()}

    def _all_sections(self, wanted: Sequence[Wanted]) -> Iterator[tuple[str, Section]]:
        for name, sections in self.memory.all_sections():
            for section in sections:
                yield name, section
        for one in wanted:
            yield one.name, one.section

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
        ours = {
            key
            for _, sections in self.memory.all_sections()
            for section in sections
            for key in lines_of(section, shared)
        }
        its = MAPS[shared]
        try:
            with opened(f"{self.home}/{its.path}", follow=True) as (fd, _):
                lines = [its.line(key, data) for key, data in cdb.AnyMap(fd).records()]
        except (OSError, ValueError):
            return []
        return [line for line in lines if line and key_of(shared, line) not in ours]

    def _ask(self, shared: Shared, keys: Iterable[bytes]) -> Mapping[bytes, bytes | None] | None:
        """What a map answers for these; None where it is missing or unreadable."""
        its = MAPS[shared]
        try:
            with opened(f"{self.home}/{its.path}", follow=True) as (fd, _):
                found = cdb.AnyMap(fd)
                return {key: found.find(its.key(key)) for key in keys}
        except (OSError, ValueError):
            return None

    # move

    @or_host_error
    def find_moves(self, one: Wanted, sections: Sequence[Section]) -> list[Move]:
        """The directories of a domain that have another name now; that of the domain first.

        `sections`: what was applied for it under its name.
        """
        if one.held:
            return []
        former = self.find_name(one)
        if former == one.name:
            return find_moves(one, sections)
        move = Move(former, one.name)
        before = self.memory.sections([former])[former]
        return [move, *find_moves(one, [move_section(section, move) for section in before])]

    def find_name(self, one: Wanted) -> str:
        """The name it was applied under; a prepend is never given twice, so it tells."""
        for name, found in self.memory.sections([one.name, *one.former]).items():
            if found and found[-1].prepend == one.section.prepend:
                return name
        return one.name

    @or_host_error
    def finish_move(self) -> None:
        """A run that was killed may have made a move and not have noted it."""
        begun = self.memory.moving
        if begun is None:
            return
        if self.root.is_moved(begun[2]):
            self.memory.move(*begun)
            self.known = {}
        else:
            self.memory.drop_move()

    @or_host_error
    def move(self, one: Wanted, sections: Sequence[Section], report: Callable[[Step], None]) -> str:
        """Carry out the moves of a domain. Returns why it could not be done, if so."""
        for move in self.find_moves(one, sections):
            report(move)
            name = move.path if "/" not in move.path else one.name
            self.memory.begin_move(name, one.name, move)
            try:
                self.root.apply(move)
            except StepFailed as error:
                self.finish_move()
                return f"{move.path}: {error}"
            self.root.settle()
            self.memory.move(name, one.name, move)
            self.known = {}
        homes, links = one.section.homes, self.memory.links
        self._drop([link for link in links if link[0] == one.name or link[0] in homes])
        return ""

    @or_host_error
    def drop_links(self, names: Set[str]) -> None:
        """Nobody looks for the old names any more: these domains are as they are wanted."""
        self._drop([link for link in self.memory.links if link[1].partition("/")[0] in names])

    def _drop(self, done: Sequence[tuple[str, str]]) -> None:
        if not done:
            return
        self.hup.let_deliveries_end()
        self._let_logins_be_seen()
        for path, _to in done:
            self.root.drop_link(path)
        self.memory.links = [link for link in self.memory.links if link not in done]

    # apply

    @or_host_error
    def apply(
        self, plan: Plan, report: Callable[[Step], None], pause: Callable[[], None]
    ) -> Failed:
        """Carry out the plan, in order. Returns what failed, with the cause.

        When one fails while things grow, or a login, it stops before what comes next: plan again.
        `pause` is called between steps below the mail root, and before anything points there.
        Raises Raced or HostError.
        """
        failed: Failed = {}
        settled, known = True, self.known
        for step in plan.steps:
            if failed and (isinstance(step, SettleTree) or self._is_unwritten(step, failed)):
                return failed
            report(step)
            settled = not isinstance(step, PathStep) and (settled or isinstance(step, SettleTree))
            if isinstance(step, PathStep):
                self._apply_path(step, failed, pause)
            elif isinstance(step, LoginStep):
                self._apply_logins(step, failed)
            else:
                self._apply_shared(step)
            if isinstance(step, PathStep | LoginStep | SettleTree):
                pause()
        if not settled:
            self.root.settle()  # or what is gone is back after a power cut, and nobody's
        if not failed and self.known is known:  # else others wrote in a pause
            self.known = plan.files
        return failed

    def _apply_path(self, step: PathStep, failed: Failed, pause: Callable[[], None]) -> None:
        try:
            self.root.apply(step, pause)
        except StepFailed as error:
            if not isinstance(step, RemoveDirectory):
                failed[step.path] = str(error)

    def _apply_logins(self, step: LoginStep, failed: Failed) -> None:
        try:
            self.logins.apply(step)
        except StepFailed as error:
            failed[LoginsOf(step.name)] = str(error)
        if self.layout.dovecot:
            self.unseen[step.domain] = time_of_sight()

    @staticmethod
    def _is_unwritten(step: Step, failed: Failed) -> bool:
        """Whether what comes next must not be done while logins are as they were."""
        is_next = not isinstance(step, LoginStep)
        return is_next and any(isinstance(what, LoginsOf) for what in failed)

    def _let_logins_be_seen(self) -> None:
        if self.layout.dovecot:
            time.sleep(SIGHT_SECONDS)

    def _apply_shared(self, step: SharedStep) -> None:
        match step:
            case WriteShared():
                self._write(step)
            case SettleTree():
                self.root.settle()
            case Compile(shared):
                compile_map(self.home, shared)
            case TellSend():
                self.hup.tell()
                self.memory.hup_owed = False
            case LetDeliveriesEnd():
                self.hup.let_deliveries_end()
            case LetLoginsBeSeen():
                self._let_logins_be_seen()

    def _write(self, step: WriteShared) -> None:
        if step.shared is Shared.VIRTUAL and self.hup.how != "none":
            self.memory.hup_owed = True
        self.files[step.shared].replace(step.before, step.content)
        self.replaced.setdefault(step.shared, step.before or b"")


def _names(wanted: Sequence[Wanted], applied: Applied) -> set[str]:
    """The names that have login files, or shall."""
    names = {name for one in wanted if one.logins for name in one.logins.names}
    sections = (section for one in wanted for section in applied.get(one.name, ()))
    return names.union(*(section.logins for section in sections))


def _keys(wanted: Sequence[Wanted], applied: Applied, file: LineFile) -> set[bytes]:
    keys = set[bytes]()
    for one in wanted:
        keys.update(one.section.lines.get(file.shared, ()), file.section(one.name))
        for section in applied.get(one.name, ()):
            keys.update(section.lines.get(file.shared, ()))
    return keys


def _adopts(file: LineFile, wanted: Sequence[Wanted]) -> bool:
    """Whether a foreign line is just what a domain wants: it is the domain's then."""
    foreign = file.foreign.keys
    return any(
        line in foreign.get(key, ())
        for one in wanted
        for key, line in lines_of(one.section, file.shared).items()
    )


def _append(file: LineFile, late: bytes) -> LineFile:
    """The file with lines that somebody appended to its predecessor, if any."""
    if not late:
        return file
    late = late if late.endswith(b"\n") else late + b"\n"
    if file.shared is Shared.ASSIGN:
        return replace(file, end=file.end + late, unclean="late lines")
    raws = (*control.split_lines(file.foreign.text), *control.split_lines(late))
    return replace(file, foreign=Foreign(file.shared, raws), unclean="late lines")


def _glance(path: str) -> object:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_size, found.st_mtime_ns
