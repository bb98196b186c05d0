"""The sync service: wakes when a change commits or a file is touched, and makes it true."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from math import inf

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from qmailpanel.accounts.sessions import forget_old_sessions
from qmailpanel.qmail.host.errors import Busy, HostError
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.pause import Round

from .ahead import Way
from .errands import forget_errands, run_errands
from .parts import NO_LOCALS, Locals
from .publish import publish, publish_heartbeat
from .reconcile import Reconciler
from .report import Report
from .rounds.doctor import DoctorRounds
from .rounds.due import purge_when_due, turn_replies_when_due
from .rounds.every import BrokeOff, Every
from .rounds.leaving import LEAVING_SECONDS, end_leaving
from .rounds.nearly_full import REFUSED_SECONDS, WARN_SECONDS, warn_owners
from .rounds.nowhere import NowhereRounds
from .rounds.scrub import SCRUB_SECONDS, scrub
from .rounds.usage import UsageRounds
from .same_ledger import LedgerSeen
from .trigger import Trigger, notify
from .unsettled import Unsettled
from .waiting import wait_for_tables

log = logging.getLogger(__name__)

AHEAD_SECONDS = 2.0
COMING_SECONDS = 0.1  # from one change to the next
LATER_SECONDS = 2.0
WATCH_SECONDS = 1.0
SHORTEST_SECONDS = 0.02
HEARTBEAT_SECONDS = 3.0
REPLIES_SECONDS = 60.0
PURGE_SECONDS = 60.0
SESSIONS_SECONDS = 3600.0
ERRANDS_SECONDS = 60.0


class Stopped(Exception):
    """Somebody asked the service to end; whatever was begun is finished at the next start."""


class Service:
    """Goes its rounds, a pause's worth of each in turn, and waits when none has more to do."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.reconciler = Reconciler(host, pause=self._pause)
        self.reconciler.ahead.start()
        self.unsettled = Unsettled()
        self.stopping = False
        self._through = 0
        self._changed_at = -inf  # when the last change was made true
        self._later_at = time.monotonic()  # when what can wait went on last
        self.heart = Every(HEARTBEAT_SECONDS, _beat)
        self.purge = Every(PURGE_SECONDS, purge_when_due)
        self.replies = Every(REPLIES_SECONDS, turn_replies_when_due)
        self.following = Every(AHEAD_SECONDS, self._have_the_map_follow)
        self.leaving = Every(LEAVING_SECONDS, partial(end_leaving, self.reconciler))
        everything = partial(self._run, absent=True)
        self.scrub = Every(SCRUB_SECONDS, partial(scrub, self.reconciler, everything))
        self.doctor = DoctorRounds(host.layout, behind=self.scrub)
        self.usage = UsageRounds(host.layout, host.root.owner)
        self.warnings = Every(WARN_SECONDS, warn_owners, again=REFUSED_SECONDS)
        self.nowhere = NowhereRounds()
        self.errands = Every(ERRANDS_SECONDS, forget_errands)
        self.soon = (
            self.heart,
            self.purge,
            self.replies,
            self.leaving,
            Every(0, self.take_changes),
            self.following,
            Every(0, self._watch_files),
            Every(0, self._retry),
            Every(0, self._look_with_dovecot),
        )
        self.later = (
            self.scrub,
            *self.doctor.rounds,
            *self.usage.rounds,
            self.warnings,
            *self.nowhere.rounds,
            self.errands,
            Every(SESSIONS_SECONDS, forget_old_sessions),
        )

    def run(self) -> None:
        """Until `stopping`."""
        trigger = Trigger(settings.QMAILPANEL_FIFO)
        notify("READY=1")
        try:
            while not self.stopping:
                trigger.wait(self.take_turn())
        except Stopped:
            pass
        finally:
            notify("STOPPING=1")
            trigger.close()
            with contextlib.suppress(DatabaseError):  # then nobody sees that it beats no more
                publish_heartbeat(alive=False)

    def take_turn(self) -> float:
        """Returns for how many seconds there is nothing to do then, unless somebody pulls."""
        has_more = self._go_on_with(self.soon)
        if self._changes_are_coming():
            return COMING_SECONDS
        self._later_at = time.monotonic()
        has_more |= self._go_on_with(self.later)
        return 0 if has_more else self._seconds_to_wait()

    def turn(self) -> bool:
        """Each round that is due or under way, until its next pause. Is there more to do?"""
        return self._go_on_with((*self.soon, *self.later))

    def _go_on_with(self, rounds: Sequence[Every]) -> bool:
        have_more = [self._go_on(each) for each in rounds]
        return any(have_more)

    def _changes_are_coming(self) -> bool:
        """One after the other, each when the one before is live: then the rest waits a little."""
        now = time.monotonic()
        return now - self._changed_at < COMING_SECONDS and now - self._later_at < LATER_SECONDS

    def _go_on(self, round_: Every) -> bool:
        with self._enduring():
            return round_.go_on()
        return False

    @contextlib.contextmanager
    def _enduring(self) -> Iterator[None]:
        """What may be over the next time ends no service; it is said where people see it."""
        try:
            yield
        except Busy:
            log.info("another qmailsync is at work; waiting for it")
        except BrokeOff as reason:
            log.warning("%s", reason)
        except HostError as error:
            log.warning("%s (%s)", error.text, error.cause)
            with contextlib.suppress(DatabaseError):  # the next round meets it too
                publish(Report(timezone.now(), error=error.text, cause=error.cause))
        except DatabaseError:
            connection.close()
            if not (wait_for_tables(lambda: self.stopping) or self.stopping):
                log.exception("the database refused this; trying again")

    def take_changes(self) -> None:
        """Answer who asks for something, and make true what was committed since the last time."""
        ledger = self.reconciler.read_ledger()
        if ledger.has_errands:
            run_errands(self.host.layout)
        if ledger.end.change == self._through:
            return
        held = self.unsettled.held
        if ledger.has_answers:
            self._run({*held, *self.unsettled.failed}, absent=True)
        else:
            self._run(held, ledger=ledger)
        self._through = ledger.end.change
        self._changed_at = time.monotonic()

    def _have_the_map_follow(self) -> Round[None]:
        """What is found by a file gets its line, and those that got it before lose the file."""
        for way in (Way.BOTH, Way.FILE):
            with self.reconciler.ahead.going_on(way) as ahead:
                report = self._run((), part=ahead, also=ahead) if ahead else None
                if report and report.error:
                    raise BrokeOff(report.error)
            if report:
                yield

    def _watch_files(self) -> None:
        """Where others wrote the shared files, put back what is ours and note what is theirs."""
        if self.reconciler.notes.is_touched():
            self.scrub.hurry()
            self._run((), part=self.unsettled.failed)
        if self.reconciler.notes.take_touched():  # a run about something else sees it first
            self.doctor.shared.hurry()
        self._make_true(self.reconciler.disturbed())

    def _retry(self) -> None:
        self._make_true((), part=self.unsettled.take_due())

    def _look_with_dovecot(self) -> None:
        """Say of domains that they are live, now that Dovecot sees their logins too."""
        self._make_true((), part=self.unsettled.seen_by_now())

    def _make_true(self, domains: Collection[int], *, part: Collection[int] = ()) -> None:
        if domains or part:
            self._run(domains, part=part)

    def _run(
        self,
        domains: Collection[int],
        *,
        part: Collection[int] = (),
        also: Locals = NO_LOCALS,
        absent: bool = False,
        ledger: LedgerSeen | None = None,
    ) -> Report:
        """See Reconciler.reconcile."""
        report = self.reconciler.reconcile(
            sorted(domains),
            part=sorted(part),
            also=also,
            absent=absent,
            since=self._through,
            ledger=ledger,
        )
        self.unsettled.note(report)
        tried = {*domains, *part}
        self.unsettled.failed -= tried - set(report.changes)  # another domain has their name
        return report

    def _pause(self) -> None:
        """In the middle of long work: a sign of life, and the changes of other domains."""
        if self.stopping:
            raise Stopped
        self.heart.go_on()
        report = self.reconciler.take_up(self._through)
        if report:
            self.unsettled.note(report)

    def _seconds_to_wait(self) -> float:
        """Shorter where something becomes live meanwhile."""
        return min(max(self.unsettled.seconds(), SHORTEST_SECONDS), WATCH_SECONDS)


def _beat() -> None:
    publish_heartbeat(alive=True)
    notify("WATCHDOG=1")
