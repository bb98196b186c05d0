"""Runs about what was changed, as the service does them."""

from __future__ import annotations

from collections.abc import Iterable

from qmailpanel.domains.models import Domain
from qmailpanel.ledger.models import LedgerHead
from qmailpanel.sync.ahead import Way
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains


class Changes:
    """Makes true what was changed since the last time, once all was looked at."""

    def __init__(self) -> None:
        self.reconciler = Reconciler(open_host())
        self.reconciler.reconcile(all_domains(), absent=True)
        self.through = LedgerHead.objects.get().last

    def go_ahead(self) -> None:
        """From now on new mailboxes do not wait for the map, however small it is."""
        self.reconciler.ahead.start()

    def follow(self) -> None:
        """What the service does after a while: their lines follow, and later their files go."""
        for way in reversed(Way):
            with self.reconciler.ahead.going_on(way) as ahead:
                report = self.reconciler.reconcile(
                    [], part=sorted(ahead), also=ahead, since=self.through
                )
                assert not report.error, report.cause

    def make_true(self, *failed: Domain) -> Report:
        return self.look_at([domain.pk for domain in failed])

    def look_at(self, failed: Iterable[int]) -> Report:
        """`failed`: domains of which something is tried again."""
        report = self.reconciler.reconcile([], part=sorted(failed), since=self.through)
        assert not report.error, report.cause
        self.through = LedgerHead.objects.get().last
        return report
