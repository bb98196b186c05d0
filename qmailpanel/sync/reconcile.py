"""wanted × applied × actual, until nothing is left to do: the one way anything reaches the host."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from django.conf import settings
from django.utils import timezone

from qmailpanel.domains.models import Domain
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.errors import Busy, HostError
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.outcome import Outcome
from qmailpanel.qmail.plan.order import Plan, make_plan
from qmailpanel.qmail.plan.questions import ANY_DROPS, LedgerEnd
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import Failed, describe

from .ahead import Ahead
from .at_work import AtWork
from .doubts import Doubts
from .generations import Generations
from .host_facts import HostFacts
from .host_notes import HostNotes
from .host_settings import read_layout
from .intended import read_intended
from .moving import make_moves
from .on_disk import OnDisk
from .parts import NO_LOCALS, NOTHING, Locals, Parts
from .preview import Preview
from .publish import confirmed_digests, publish, publish_progress
from .repeats import Repeats
from .report import Report
from .same_ledger import LedgerSeen, find_question, read_ledger
from .scope import Scope, all_domains, dirty_domains, domains_named
from .wanted import Intended

log = logging.getLogger(__name__)

ATTEMPTS = 100
SLICE_SECONDS = 0.5


def open_host() -> Host:
    """The host of the settings. Raises HostError."""
    return Host(read_layout(), str(settings.QMAILPANEL_SYNC_DIR), settings.QMAILPANEL_HUP)


class Reconciler:
    """Makes domains true on one host, and says what came of it.

    `pause`: called in the middle of long work, at most every half second; what it does (another
    domain's change, say) may change the host.
    """

    def __init__(self, host: Host, pause: Callable[[], None] | None = None) -> None:
        self.host = host
        self.pause = pause
        self.generations = Generations()
        self.notes = HostNotes(host)
        self.ahead = Ahead(host, self.notes)
        self.preview = Preview(host, self.notes, self.ahead)
        self.facts = HostFacts(host, self.notes)
        self.doubts = Doubts(host)
        self.on_disk = OnDisk(host)
        self.at_work = AtWork(host.memory, lambda: self.notes.files[Shared.VIRTUAL])
        self._taken_up: LedgerEnd | None = None
        self._ends: Collection[LedgerEnd] = ()  # as the host said last
        self._sliced = time.monotonic()
        self._asking = {0}  # the domains of the run that had a question; 0: those without a row

    def reconcile(
        self,
        domains: Sequence[int],
        *,
        part: Sequence[int] = (),
        also: Locals = NO_LOCALS,
        absent: bool = False,
        since: int | None = None,
        ledger: LedgerSeen | None = None,
    ) -> Report:
        """Make these domains true, and publish what came of it.

        `part`: and these, as far as something of them was changed or failed, and `also` those local
        parts of theirs. `absent`: also the domains that have something on the host, but no row.
        `since`: and what was changed after that one. `ledger`: as it was just read; where nothing
        is wanted then, nothing is done. Raises Busy when another process is at work there.
        """
        scope = Scope(domains, part, since=since, also=also)
        try:
            with self.host.lock():
                self._sliced = time.monotonic()
                return self._reconcile(scope, ledger, absent=absent)
        except Busy:
            raise
        except HostError as error:
            report = Report(timezone.now(), error=error.text, cause=error.cause)
            dirty = [] if since is None else dirty_domains(since)
            rows = Domain.objects.filter(id__in={*scope.domains, *dirty})
            report.changes = dict(rows.values_list("id", "change_id"))
            publish(report)
            return report

    def read_ledger(self) -> LedgerSeen:
        """As it is now; the host may be made from another one by the time of the run."""
        return read_ledger(self._ends)

    def _reconcile(self, scope: Scope, seen: LedgerSeen | None, *, absent: bool) -> Report:
        """Where another database or memory was put back, it is about all domains."""
        ends = self.host.read_ends()
        ledger = seen if seen and seen.known == ends else read_ledger(ends)
        if absent:
            self.doubts.forget()
        if self._is_put_back(ledger.left):
            if seen and not (scope.domains or dirty_domains(scope.since or 0)):
                return Report(timezone.now())
            scope = Scope(sorted({*scope.domains, *all_domains()}), since=scope.since)
            absent = True
            self.facts.forget()
        self.host.moves.finish()
        intended = read_intended(self.host, lambda: scope, ledger.through, absent=absent)
        if seen and not (intended.wanted or intended.unwritable):
            return Report(timezone.now())
        intended = intended._replace(wanted=self.ahead.begin(intended.wanted))
        return self._run(intended, ledger, about={*scope.domains, *([0] if absent else [])})

    def take_up(self, since: int) -> Report | None:
        """In a pause: make true what was changed since and need not wait until the work is done."""
        ledger = read_ledger(self.host.read_ends())
        if ledger.end == self._taken_up or not self.notes.files:
            return None
        if self._is_put_back(ledger.left):
            return None
        self._taken_up = ledger.end
        self.host.moves.finish()
        others = partial(self.at_work.find_others, since)
        intended = self.at_work.keep_apart(read_intended(self.host, others, ledger.through))
        intended = intended._replace(wanted=self.ahead.begin(intended.wanted))
        is_more = intended.wanted or intended.unwritable
        return self._run(intended, ledger, about=set()) if is_more else None

    def _is_put_back(self, left: LedgerEnd | None) -> bool:
        """Whether database or memory are of another moment than the host."""
        if left:
            self.doubts.forget()
            return True
        return self.host.is_forgetful() and not self.doubts

    def _run(self, intended: Intended, ledger: LedgerSeen, about: set[int]) -> Report:
        """`ledger`: as read before the rows. `about`: domains, with or without a row."""
        report, wanted = Report(timezone.now(), parts=intended.parts), intended.wanted
        report.problems |= {0: ()} if 0 in about else {}
        try:
            with self.at_work.doing(intended):
                self._make_true(wanted, report, ledger)
        except HostError as error:
            report.error, report.cause = error.text, error.cause
            report.changes |= {w.domain: w.change for w in wanted if w.domain and not w.held}
        self._note_question(report, about | intended.changes.keys())
        self.preview.look_ahead(report, intended.through)
        report.add_unwritable(intended.unwritable)
        publish(report)
        self.facts.publish()
        written = self.notes.take_written()  # kept last: it takes its time on a large host
        self.generations.keep_all(written, through=max(report.changes.values(), default=0))
        return report

    def is_amiss(
        self, domains: Sequence[int], *, given: Parts = NOTHING, absent: bool = False
    ) -> bool:
        """Compare everything of these domains, and the `given` of others: whether something is not
        as it should be.
        """
        with self.host.lock():
            if self.host.is_forgetful():
                return True  # what it has to learn is about the whole host
            plan = self.preview.of(domains, given=given, absent=absent)
        return bool(plan.steps or plan.drifts or plan.problems or plan.question)

    def disturbed(self) -> set[int]:
        """The domains whose lines somebody else changed, as seen in passing since the last call."""
        return domains_named(self.notes.take_disturbed())

    def _make_true(self, wanted: Sequence[Wanted], report: Report, ledger: LedgerSeen) -> None:
        """Unless there is a question."""
        applied = self.host.memory.applied_of(wanted)
        confirmed = confirmed_digests() if ledger.has_answers else frozenset()
        question = find_question(ledger.left, ledger.end, wanted, applied)
        is_forgetful = bool(question) or self.host.is_forgetful()
        if question and question.digest in confirmed:
            question, confirmed = None, confirmed | {ANY_DROPS}
        doubts: Failed = {}
        if is_forgetful and not question:
            doubts = self.doubts.of(wanted)
            applied = self.host.memory.applied_of(wanted)
        moves = self.host.moves.find_all(wanted, applied, doubts)
        if moves and not question:  # nothing is moved while something else waits for a yes
            question = self.preview.plan(wanted, confirmed, ledger.left).question
        if question:
            yes = confirmed | {ANY_DROPS}
            report.waiting = self.preview.plan(wanted, yes, ledger.left).steps
            self._conclude(wanted, Plan((), question=question), report)
            return
        is_partly_forgetful = self.doubts or any(one.held for one in wanted)  # it learns more later
        has_learned = not (is_forgetful and is_partly_forgetful)
        note_end = partial(self._note_end, ledger.end, has_learned=has_learned)
        self.host.file_systems.note()
        if moves:
            note_end()
        failed = doubts | make_moves(self.host, wanted, applied, moves, report.add_step)
        self._go_on_until_true(wanted, report, confirmed, failed, note_end)

    def _note_end(self, end: LedgerEnd, *, has_learned: bool) -> None:
        self.host.note_end(end, has_learned=has_learned)
        self._ends = {end}
        self.ahead.keep()

    def _go_on_until_true(
        self,
        wanted: Sequence[Wanted],
        report: Report,
        confirmed: frozenset[str],
        failed: Failed,
        note_end: Callable[[], None],
    ) -> None:
        """Observe, plan, apply, until a plan is empty: what is read back then is live.

        `note_end`: to be called before anything is made.
        """
        applied = self.host.memory.applied_of(wanted)
        pause = partial(self._pause, report)
        repeats = Repeats(report.add_step)
        for _ in range(ATTEMPTS):
            pause(Outcome())
            self.on_disk.ensure()
            actual = self.notes.observe(wanted, applied)
            pause(Outcome())
            plan = make_plan(wanted, applied, actual, failed, confirmed)
            if plan.question:
                yes = confirmed | {plan.question.digest}
                report.waiting = make_plan(wanted, applied, actual, failed, yes).steps
            if plan.question or not plan.steps:
                note_end()
                self._conclude(wanted, plan, report)
                return
            report.waiting, report.begun = plan.steps, len(report.steps)
            with self.host.memory.together():
                note_end()
                self.host.memory.intend(plan.after)
            applied = self.host.memory.applied_of(wanted)
            outcome = self.on_disk.apply(plan, repeats.add_step, pause)
            self.notes.note(outcome)
            failed |= outcome.failed | repeats.failed
            if outcome.error:
                raise outcome.error
            if outcome.raced:
                log.info("a shared file was changed meanwhile; planning again")
        raise HostError(
            "Others keep writing the mail server's files. It is tried again.",
            f"no end after {ATTEMPTS} attempts; the next step would be: {describe(plan.steps[0])}",
        )

    def _note_question(self, report: Report, about: set[int]) -> None:
        """A question stays until a run over all that it was about has none."""
        if report.question:
            self._asking = about
        elif not report.error and self._asking <= about:
            report.answered = True
            self._asking = set()

    def _conclude(self, wanted: Sequence[Wanted], plan: Plan, report: Report) -> None:
        report.conclude(wanted, plan)
        self.notes.settle(wanted)
        if plan.question:
            return
        for one in wanted:
            if one.domain in report.changes and not _is_troubled(plan, one.name):
                self._note_read_back(one, report)
        self.host.memory.finish(plan.after)
        true = {one.name for one in wanted if not one.held and not _is_troubled(plan, one.name)}
        self.host.moves.drop_links(plan.after.keys() & true)

    def _note_read_back(self, one: Wanted, report: Report) -> None:
        """Live, unless Dovecot may not yet have seen its logins."""
        seen_at = self.notes.seen_at(one.name)
        if seen_at:
            report.unseen[one.domain] = seen_at
        else:
            report.live.add(one.domain)

    def _pause(self, report: Report, outcome: Outcome) -> None:
        """Once a slice, let others in and say how far it is.

        They need not wait for what it made to be on disk.
        """
        self.notes.note(outcome)
        now = time.monotonic()
        if now - self._sliced < SLICE_SECONDS:
            return
        if self.pause is not None:
            self._sliced = now
            self.host.root.flush()
            self.pause()
        publish_progress(report)
        self._sliced = time.monotonic()


def _is_troubled(plan: Plan, name: str) -> bool:
    """A domain as a whole not as wanted: logins of it may still lead to its old names."""
    return any(problem.is_of_domain for problem in plan.problems.get(name, ()))
