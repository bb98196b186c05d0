"""The sync service: wakes when a change commits or a file is touched, and makes it true."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import stat
import time
from collections.abc import Iterator
from itertools import chain
from math import inf
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from qmailpanel.ledger.models import LedgerHead
from qmailpanel.mailboxes.delivery.replies import turn_replies
from qmailpanel.mailboxes.removal.services import purge_due
from qmailpanel.qmail.host.errors import Busy, HostError
from qmailpanel.qmail.host.mail_host import Host

from . import publish as say
from .models import SyncQuestion
from .publish import Report
from .reconcile import Reconciler, all_domains, dirty_domains
from .rounds.doctor import Rounds
from .rounds.usage import UsageRounds

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
SHORTEST_SECONDS = 0.02
HEARTBEAT_SECONDS = 3.0
TURN_SECONDS = 60.0  # auto-replies begin and end with a day
SCRUB_SECONDS = 600.0
PURGE_SECONDS = 60.0
SCRUB_DOMAINS = 5  # at a time: a change never waits long behind the scrub
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)


class Stopped(Exception):
    """Somebody asked the service to end; whatever was begun is finished at the next start."""


class Trigger:
    """The fifo that `pull()` writes a byte into."""

    def __init__(self, path: Path) -> None:
        self._make(path)
        # open for writing too: a fifo without writers would report its end for ever
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

    @staticmethod
    def _make(path: Path) -> None:
        try:
            if not stat.S_ISFIFO(path.lstat().st_mode):
                raise HostError(
                    "The trigger is not a fifo.", f"{path} is something else; remove it"
                )
        except FileNotFoundError:
            os.mkfifo(path)
            path.chmod(0o660)  # whatever the umask: the web process writes it

    def wait(self, seconds: float) -> None:
        """Until somebody pulls, or that long."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        with contextlib.suppress(BlockingIOError):  # another service on this fifo was quicker
            if ready:
                os.read(self._fd, 65_536)

    def close(self) -> None:
        os.close(self._fd)


class Service:
    """Waits, reconciles what is dirty, retries what failed, and scrubs in between."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.reconciler = Reconciler(host, between=self._between)
        self.rounds = Rounds(host.layout)
        self.usage = UsageRounds(host.layout, host.root.hand.owner)
        self.stopping = False
        self._through = 0
        self._unsettled: set[int] = set()
        self._unseen: dict[int, float] = {}  # domains that are live as soon as Dovecot has looked
        self._held: set[int] = set()  # their changes wait for the operator
        self._retries = 0
        self._retry_at = 0.0
        self._beat_at = 0.0
        self._turn_at = 0.0
        self._scrub_at = 0.0
        self._scrub: Iterator[bool] = iter(())
        self._purge_at = 0.0

    def run(self) -> None:
        """Until `stopping`."""
        trigger = Trigger(settings.QMAILPANEL_FIFO)
        notify("READY=1")
        try:
            while not self.stopping:
                has_more = self._scrub_step() | self._usage_step()
                trigger.wait(0 if has_more else self._seconds_to_wait())
                self.turn()
        except Stopped:
            pass
        finally:
            notify("STOPPING=1")
            trigger.close()
            say.publish_heartbeat(alive=False)

    def turn(self) -> None:
        """One look at everything that may want doing."""
        with _enduring():
            self._beat()
            self._purge_due()
            self._turn_replies()
            self._take_changes()
            self._look_at_files()
            self._retry()
            self._look_with_dovecot()

    def _purge_due(self) -> None:
        """Now and then: mail whose time in the archive is over."""
        if time.monotonic() >= self._purge_at:
            has_more = purge_due(timezone.now())
            self._purge_at = time.monotonic() + (0 if has_more else PURGE_SECONDS)

    def _turn_replies(self) -> None:
        """Auto-replies whose first day has come, or whose last is over."""
        if time.monotonic() >= self._turn_at:
            self._turn_at = time.monotonic() + TURN_SECONDS
            turn_replies(timezone.localdate())

    def _take_changes(self) -> None:
        head = LedgerHead.objects.values_list("last", flat=True).first() or 0
        if head == self._through:
            return
        dirty = dirty_domains(self._through)
        if self._is_answered():
            self._run(sorted({*dirty, *self._held, *self._unsettled}), absent=True)
        elif dirty or self._held:
            self._run(sorted({*dirty, *self._held}))
        self._through = head

    def _run(self, domains: list[int], *, absent: bool = False) -> None:
        report = self.reconciler.reconcile(domains, absent=absent)
        self._settle_up(report)
        self._unsettled -= set(domains) - set(report.changes)  # their name is another domain's

    def _settle_up(self, report: Report) -> None:
        """Remember what is to be tried again, and when."""
        self._held = (self._held - set(report.changes)) | report.held
        rest = {d: at for d, at in self._unseen.items() if d not in report.changes}
        self._unseen = rest | report.unseen
        done = {d for d in (*report.live, *report.unseen) if not report.problems.get(d)}
        failed = set(report.changes) - done
        if failed and not failed <= self._unsettled:
            self._retries = 0
        self._unsettled = (self._unsettled - done) | failed
        if self._unsettled:
            wait = RETRY_SECONDS[min(self._retries, len(RETRY_SECONDS) - 1)]
            self._retry_at = time.monotonic() + wait

    def _retry(self) -> None:
        if self._unsettled and time.monotonic() >= self._retry_at:
            self._retries += 1
            self._run(sorted(self._unsettled))

    def _look_with_dovecot(self) -> None:
        """Say of domains that they are live, now that Dovecot sees their logins too."""
        seen = [domain for domain, at in self._unseen.items() if time.monotonic() >= at]
        if seen:
            self._run(seen)

    def _seconds_to_wait(self) -> float:
        """Shorter where something becomes live meanwhile."""
        until = min(self._unseen.values(), default=inf) - time.monotonic()
        return min(max(until, SHORTEST_SECONDS), WATCH_SECONDS)

    def _look_at_files(self) -> None:
        """Whoever else wrote the shared files: heal what is ours, note what is theirs."""
        if self.host.look() != self.host.seen:
            self._scrub_at = 0.0
            self._run(sorted(self._unsettled))
        disturbed = self.reconciler.disturbed()
        if disturbed:
            self._run(sorted(disturbed))
        if self.rounds.has_news():
            self._scrub = chain(self._scrub, self.rounds.go())

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beat_at >= HEARTBEAT_SECONDS:
            self._beat_at = now
            say.publish_heartbeat(alive=True)
            notify("WATCHDOG=1")

    def _is_answered(self) -> bool:
        return SyncQuestion.objects.filter(
            node=settings.QMAILPANEL_NODE, answer__isnull=False
        ).exists()

    def _between(self, at_work: frozenset[int]) -> None:
        """Between two slices of long work: a sign of life, and other domains' changes."""
        if self.stopping:
            raise Stopped
        self._beat()
        others = [d for d in dirty_domains(self._through) if d not in at_work]
        if others:
            self._settle_up(self.reconciler.reconcile_locked(others))

    def _scrub_step(self) -> bool:
        """A small part of the full compare. Returns whether there is more to do."""
        if time.monotonic() >= self._scrub_at:
            self._scrub_at = time.monotonic() + SCRUB_SECONDS
            self._scrub = self._scrub_all()
        with _enduring():
            return next(self._scrub, False)
        self._scrub_at = time.monotonic() + RETRY_SECONDS[-1]
        return False

    def _usage_step(self) -> bool:
        """A small part of the look at how full the mailboxes are. Is there more to do?"""
        with _enduring():
            return self.usage.step()
        return False

    def _scrub_all(self) -> Iterator[bool]:
        """Look at every domain, a few at a time; then make true what is amiss, in one run.

        One run, because a plan that drops much must be seen as a whole. It is also about what
        has something on the host but no row. Then the doctor looks at what is there.
        """
        domains, amiss = all_domains(), list[int]()
        for start in range(0, len(domains), SCRUB_DOMAINS):
            yield True
            some = domains[start : start + SCRUB_DOMAINS]
            amiss += some if self.reconciler.is_amiss(some) else []
        yield True
        if self.host.wants_lists():
            amiss = domains
        if amiss or self.reconciler.is_amiss([], absent=True):
            self._run(amiss, absent=True)
        else:
            report = Report(timezone.now(), answered=True)
            self.reconciler.look_ahead(report)
            say.publish(report)
        yield True
        yield from self.rounds.go()


@contextlib.contextmanager
def _enduring() -> Iterator[None]:
    """What may be over the next time ends no service; it is said where people see it."""
    try:
        yield
    except Busy:
        log.info("another qmailsync is at work; waiting for it")
    except HostError as error:
        log.warning("%s (%s)", error.text, error.cause)
        say.publish(Report(timezone.now(), error=error.text, cause=error.cause))
    except DatabaseError:
        log.exception("the database does not answer; trying again")
        connection.close()


def notify(message: str) -> None:
    """Tell the supervisor, if one asked to be told. See sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.sendto(message.encode(), address)
