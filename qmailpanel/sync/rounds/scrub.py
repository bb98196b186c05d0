"""The scrub: everything compared, whoever changed it."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from qmailpanel.ledger.services import held_after
from qmailpanel.qmail.pause import Round
from qmailpanel.sync.publish import publish
from qmailpanel.sync.reconcile import Reconciler
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains
from qmailpanel.sync.surveys import note_read_back

from .slices import find_large, is_amiss_anywhere

SCRUB_SECONDS = 600.0
DOMAINS = 5  # between two pauses: a change never waits long behind the scrub


def scrub(reconciler: Reconciler, make_true: Callable[[list[int]], Report]) -> Round[None]:
    """Look at every domain; then make true what is amiss, in one run.

    One run, because a plan that drops much must be seen as a whole. It is also about what has
    something on the host but no row.
    """
    domains, amiss, large = all_domains(), list[int](), find_large()
    small = [domain for domain in domains if domain not in large]
    for start in range(0, len(small), DOMAINS):
        yield
        some = small[start : start + DOMAINS]
        amiss += some if reconciler.is_amiss(some) else []
    for domain in large.intersection(domains):
        amiss += [domain] if (yield from is_amiss_anywhere(reconciler, domain)) else []
    yield
    if reconciler.host.wants_lists():
        amiss = domains
    if amiss or reconciler.is_amiss([], absent=True):
        report = make_true(amiss)
    else:
        report = _say_that_all_is_well(reconciler)
    if not report.error:
        note_read_back()


def _say_that_all_is_well(reconciler: Reconciler) -> Report:
    report = Report(timezone.now(), answered=True)
    reconciler.preview.look_ahead(report, held_after())
    publish(report)
    return report
