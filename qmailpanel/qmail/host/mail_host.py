"""The mail host, the only impure part of this floor: lock, observe, apply. It decides nothing."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Sequence

from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import Foreign, Shared
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import HostError, Raced, StepFailed, or_host_error
from qmailpanel.qmail.host.file_systems import FileSystems
from qmailpanel.qmail.host.files import entered, read_file
from qmailpanel.qmail.host.hup import Hup
from qmailpanel.qmail.host.ledger_mark import LedgerMark
from qmailpanel.qmail.host.login_files import DOVECOT_SECONDS, LoginDirectory, time_of_reading
from qmailpanel.qmail.host.mail_root import MailRoot
from qmailpanel.qmail.host.map_compiler import compile_map
from qmailpanel.qmail.host.marks import read_all_marks
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.host.moves import Moves
from qmailpanel.qmail.host.outcome import Observed, Outcome, Told, Work, Written
from qmailpanel.qmail.host.shared_file import hold_lock
from qmailpanel.qmail.host.shared_observer import SharedObserver
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.numbers import HIGHEST_PREPEND, read_number
from qmailpanel.qmail.plan.marks import Marks
from qmailpanel.qmail.plan.order import Plan
from qmailpanel.qmail.plan.parts import FRAME
from qmailpanel.qmail.plan.questions import LedgerEnd
from qmailpanel.qmail.plan.state import Actual, Applied, Tree, Wanted
from qmailpanel.qmail.plan.steps import (
    Compile,
    FlushTree,
    LetDeliveriesEnd,
    LetLoginsBeSeen,
    LoginStep,
    PathStep,
    SharedStep,
    Step,
    TellSend,
    WriteShared,
    concern_of,
)

QUEUE_LIFETIME, HIGHEST_LIFETIME = 604_800, 100_000_000


class Host:
    """One qmail home and mail root, and the memory of what was applied there."""

    def __init__(self, layout: Layout, memory: str, hup: str) -> None:
        self.layout = layout
        self.home = layout.qmail_home
        self.may_change_owners = os.geteuid() == 0
        owner = layout.mail_user if self.may_change_owners else None
        # the operator's own setting may name a link: it is followed once, and never below
        self.root = MailRoot(os.path.realpath(layout.mail_root), owner)
        self.logins = LoginDirectory(
            layout.logins, layout.ask_group, may_change_owners=self.may_change_owners
        )
        self.memory = Memory(memory)
        self.ledger_mark = LedgerMark(self.home)
        self.hup = Hup(self.home, hup)
        self.shared = SharedObserver(self.home, self.memory)
        self.file_systems = FileSystems(self.root, self.memory)
        self.moves = Moves(
            self.root, self.memory, self.file_systems, self.shared.forget, self._let_all_end
        )

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Be the one writer. Raises HostError when another one is."""
        return hold_lock(self.home)

    @or_host_error
    def flush(self) -> None:
        """Have on the disk what is seen on the host, whoever made it."""
        for path in (f"{self.home}/users", f"{self.home}/control", self.logins.path):
            if os.path.isdir(path):
                with entered(path, follow=True) as directory:
                    libc.syncfs(directory)
        self.root.flush()

    # the ledger it was made from

    @or_host_error
    def read_ends(self) -> set[LedgerEnd]:
        """The newest change that it was made from, as the memory says, and as the host does."""
        ends = (self.memory.ledger, self.ledger_mark.read())
        return {end for end in ends if end is not None}

    @or_host_error
    def is_forgetful(self) -> bool:
        """Whether the memory is lost or of another moment than what is here."""
        mark = self.ledger_mark.read()
        return mark is not None and mark != self.memory.ledger

    @or_host_error
    def imagine(self) -> Host:
        """The same host with a memory in no file: what that learns is gone with it."""
        host = Host(self.layout, "", self.hup.how)
        self.memory.copy_to(host.memory)
        return host

    @or_host_error
    def read_marks(self) -> Marks:
        """Of all homes."""
        return read_all_marks(self.root.path)

    @or_host_error
    def note_end(self, end: LedgerEnd, *, has_learned: bool) -> None:
        """Before anything is made from it. `has_learned`: the memory knows all that is ours."""
        if end.change and end != self.ledger_mark.read():
            self.ledger_mark.write(end)
        self.memory.ledger = end if has_learned else None

    # observe

    @or_host_error
    def observe(
        self, wanted: Sequence[Wanted], applied: Applied, *, whole: bool = False
    ) -> Observed:
        """The host as it is, for these domains.

        `whole`: ask the maps about all foreign lines too, not only about those that changed since
        they were last seen to have them.
        """
        shared = self.shared.observe(wanted, applied, whole=whole)
        missing = self.file_systems.find_missing()
        opened = self._find_opened(wanted, applied)
        actual = Actual(
            shared=shared.files,
            trees={w.name: self._observe_tree(w, applied, missing) for w in wanted},
            maps=shared.maps,
            locals=frozenset(name.lower() for _, name in self.read_locals()),
            hup_owed=self.memory.hup_owed,
            logins=self.logins.observe(
                _names(wanted, applied).union(*opened.values()), _shards(wanted)
            ),
            opened=opened,
            owners=self._owners(wanted),
        )
        self.shared.known = shared.files
        return Observed(actual, shared.disturbed)

    @or_host_error
    def is_as_told(self, wanted: Sequence[Wanted]) -> bool:
        """Whether what a part of a domain is added to is there: its login files."""
        parts = [one.logins for one in wanted if one.logins and one.logins.part is not None]
        names = [name for logins in parts for name in logins.names]
        there = self.logins.observe(names, _shards(wanted))
        return all(
            logins.are_told_by(name, there.get(name, {}))
            for logins in parts
            for name in logins.names
        )

    @or_host_error
    def find_locals(self, name: str) -> set[str]:
        """The local parts of which a domain has something here, or had it by the panel's doing."""
        return (self.root.find_locals(name) | self.memory.locals(name)) - {FRAME}

    def _observe_tree(self, wanted: Wanted, applied: Applied, missing: Sequence[str]) -> Tree:
        tree = self.root.observe(wanted, applied.get(wanted.name, ()))
        return self.file_systems.hide(wanted, tree, missing)

    def _find_opened(self, wanted: Sequence[Wanted], applied: Applied) -> dict[str, set[str]]:
        new = {w.name for w in wanted if w.logins and w.logins.names and not applied.get(w.name)}
        ways = self.logins.read_ways(self.layout.mail_root) if new else {}
        return {name: names for name, names in ways.items() if name in new}

    @or_host_error
    def read_foreign(self, wanted: Sequence[Wanted], applied: Applied) -> Foreign:
        """The assignments that are not the panel's."""
        return self.shared.observe(wanted, applied).files[Shared.ASSIGN].foreign

    def _owners(self, wanted: Sequence[Wanted]) -> dict[int, str]:
        numbers = {one.section.prepend for one in wanted}
        owners = ((number, self.memory.owner_of(number)) for number in numbers)
        return {number: owner for number, owner in owners if owner is not None}

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

    def read_queue_lifetime(self) -> int:
        """For how many seconds mail may wait here, at least a week. See qmail-send(8)."""
        try:
            text = read_file(f"{self.home}/control/queuelifetime", follow=True).content
        except OSError:
            return QUEUE_LIFETIME
        seconds = read_number(text.partition(b"\n")[0].strip(), HIGHEST_LIFETIME)
        return max(QUEUE_LIFETIME, seconds or 0)

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
        numbers = (read_number(name, HIGHEST_PREPEND) for name in names)
        return {number for number in numbers if number is not None}

    @or_host_error
    def stamp(self) -> tuple[object, ...]:
        """Of the shared files and maps, cheaply: equal as long as nobody wrote one."""
        return self.shared.stamp()

    # apply

    def apply(self, plan: Plan, report: Callable[[Step], None], pause: Told) -> Outcome:
        """Carry out the plan, in order.

        When one fails while things grow, or a login, it stops before what comes next: plan again.
        `pause` is called between steps below the mail root, and before anything points there, with
        what came of it until then.
        """
        work = Work(pause)
        before = self.shared.known
        try:
            self._carry_out(plan, report, work)
        except Raced:
            return work.tell(raced=True)
        except HostError as error:
            return work.tell(error=error)
        if not work.failed and self.shared.known is before:  # else others wrote in a pause
            self.shared.known = plan.files
        return work.tell()

    @or_host_error
    def _carry_out(self, plan: Plan, report: Callable[[Step], None], work: Work) -> None:
        flushed = True
        for step in plan.steps:
            if work.must_stop_before(step):
                return
            report(step)
            flushed = not isinstance(step, PathStep) and (flushed or isinstance(step, FlushTree))
            self._apply(step, work)
            if isinstance(step, PathStep | LoginStep | FlushTree):
                work.pause()
        if not flushed:
            self.root.flush()  # or what is gone is back after a power cut, and nobody's

    def _apply(self, step: Step, work: Work) -> None:
        if isinstance(step, PathStep):
            self._apply_path(step, work)
        elif isinstance(step, LoginStep):
            self._apply_logins(step, work)
        else:
            self._apply_shared(step, work)

    def _apply_path(self, step: PathStep, work: Work) -> None:
        try:
            self.root.apply(step, work.pause)
        except StepFailed as error:
            work.failed[concern_of(step)] = str(error)

    def _apply_logins(self, step: LoginStep, work: Work) -> None:
        try:
            self.logins.apply(step)
        except StepFailed as error:
            work.failed[concern_of(step)] = str(error)
        if self.layout.dovecot:
            work.unseen[step.domain] = time_of_reading()

    def _apply_shared(self, step: SharedStep, work: Work) -> None:
        match step:
            case WriteShared():
                self._write_shared(step, work)
            case FlushTree():
                self.root.flush()
            case Compile(shared):
                with self.shared.files[shared].held():
                    compile_map(self.home, shared)
            case TellSend():
                self.hup.tell()
                self.memory.hup_owed = False
            case LetDeliveriesEnd():
                self.hup.let_deliveries_end()
            case LetLoginsBeSeen():
                self._let_logins_be_seen()

    def _write_shared(self, step: WriteShared, work: Work) -> None:
        if step.shared is Shared.VIRTUAL and self.hup.how != "none":
            self.memory.hup_owed = True
        self.shared.files[step.shared].replace(step.before, step.content)
        before = work.written.get(step.shared, Written(step.before or b"", b"")).before
        work.written[step.shared] = Written(before, step.content)

    def _let_all_end(self) -> None:
        """Until no delivery and no sign-in can still be on its way to what they found before."""
        self.hup.let_deliveries_end()
        self._let_logins_be_seen()

    def _let_logins_be_seen(self) -> None:
        if self.layout.dovecot:
            time.sleep(DOVECOT_SECONDS)


def _shards(wanted: Sequence[Wanted]) -> dict[str, Collection[str]]:
    """Those that are looked at of the names of which a part is wanted."""
    logins = [one.logins for one in wanted if one.logins and one.logins.part is not None]
    return {name: each.shards for each in logins for name in each.names}


def _names(wanted: Sequence[Wanted], applied: Applied) -> set[str]:
    """The names that have login files, or shall."""
    names = {name for one in wanted if one.logins for name in one.logins.names}
    sections = (section for one in wanted for section in applied.get(one.name, ()))
    return names.union(*(section.logins for section in sections))
