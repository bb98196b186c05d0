"""Which aliases and forwardings go nowhere: all are asked now and then, and some after a change.

Asked of the rows, as the pages do: what stands on the disk is for the card of an address.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, Claim, Destination, Domain
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.losses import leading_on, losses_of
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import Nowhere
from qmailpanel.sync.publish import newest_change
from qmailpanel.sync.surveys import count_all, count_changed

from .every import Every

SURVEY_SECONDS = 600.0
NEWS_SECONDS = 2.0
REST = 10  # times as long as the last look at all took, before there is another
SLICE = 100  # addresses between two pauses
MOST = 500  # addresses that are looked at after changes; more are a look at all
EVERYTHING = User(is_operator=True)  # who asks: nothing is kept from sync


class NowhereRounds:
    """Looks at all of them, and soon after a change at those that it is about."""

    def __init__(self) -> None:
        self.all = Every(SURVEY_SECONDS, self._look_at_all)
        self.rounds = (Every(NEWS_SECONDS, self._look_at_news), self.all)
        self._through = 0  # the newest change that was looked at
        self._not_before = 0.0  # when there may be another look at all

    def _look_at_all(self) -> Round[None]:
        began, through = time.monotonic(), newest_change()
        yield from look_at_all()
        now = time.monotonic()
        self._through = max(self._through, through)
        self._not_before = now + REST * (now - began)

    def _look_at_news(self) -> Round[None]:
        through = newest_change()
        if self.all.is_under_way or through == self._through:
            return
        some = _find_changed(self._through)
        if some is None:
            self.all.at = min(self.all.at, self._not_before)
        else:
            yield from _look_at(some)
            yield from count_changed(self._through)
            self._through = through


def look_at_all() -> Round[None]:
    """Every address that has destinations; then it is noted when, and how much there is."""
    last = 0
    while some := _find_next(last):
        _renew(_here().filter(address__gt=last, address__lte=some[-1]), some)
        last = some[-1]
        yield
    _here().filter(address__gt=last).delete()
    yield from count_all()


def _find_next(after: int) -> list[int]:
    """The next addresses that have destinations, by their numbers."""
    rows = Destination.objects.filter(address__gt=after).order_by("address")
    return sorted(set(rows.values_list("address", flat=True)[:SLICE]))


def _find_changed(since: int) -> set[int] | None:
    """What newer changes may have led elsewhere; None where it is too much, or a whole domain."""
    if Domain.objects.filter(change__gt=since, frame__gt=since).exists():
        return None
    rows = Address.objects.filter(change__gt=since).select_related("domain")[: MOST + 1]
    found = _with_pointers(rows)
    return found if len(found) <= MOST else None


def _with_pointers(rows: Iterable[Address]) -> set[int]:
    """These, and all that deliver to them over any number of hops."""
    level, found = list(rows), set[int]()
    while level and len(found) <= MOST:
        found |= {row.pk for row in level}
        targets = [*_names_of(level)]
        deliver = Destination.objects.alias(lower=Lower("target")).filter(lower__in=targets)
        pointers = Address.objects.filter(pk__in=deliver.values("address"))
        level = list(pointers.exclude(pk__in=found)[: MOST + 1])
    return found


def _names_of(rows: Collection[Address]) -> Iterator[str]:
    """Each of these addresses by all names of its domain."""
    names = Claim.objects.filter(domain__in={row.domain_id for row in rows}, claims=True)
    pairs = list(names.values_list("domain", "name"))
    for row in rows:
        yield from (f"{row.local}@{name}" for domain, name in pairs if domain == row.domain_id)


def _look_at(addresses: Collection[int]) -> Round[None]:
    ordered = sorted(addresses)
    for start in range(0, len(ordered), SLICE):
        some = ordered[start : start + SLICE]
        _renew(_here().filter(address__in=some), some)
        yield


def _renew(known: QuerySet[Nowhere], addresses: Collection[int]) -> None:
    """Found before the transaction: for seconds nobody could change anything else.

    What is changed meanwhile is newer than what the round has looked through, so its own look
    comes later and has the last word.
    """
    lost = _find_lost(addresses)
    with transaction.atomic():
        _write(known, lost)


def _find_lost(addresses: Collection[int]) -> list[Nowhere]:
    rows = list(leading_on().filter(pk__in=addresses, destinations__isnull=False).distinct())
    fates = Fates(EVERYTHING)
    fates.read(map(str, rows))
    lost = [row for row in rows if losses_of(row, fates)]
    seen = _find_seen(lost)
    return [
        Nowhere(
            node=settings.QMAILPANEL_NODE,
            domain=row.domain_id,
            address=row.pk,
            hidden=row.pk not in seen,
        )
        for row in lost
    ]


def _find_seen(lost: Collection[Address]) -> set[int]:
    """Those of which somebody can know that looks after their domain alone."""
    seen = set[int]()
    for domain in {row.domain_id for row in lost}:
        fates = Fates(EVERYTHING, within={domain})
        theirs = [row for row in lost if row.domain_id == domain]
        fates.read(map(str, theirs))
        seen |= {row.pk for row in theirs if losses_of(row, fates)}
    return seen


def _write(known: QuerySet[Nowhere], lost: Collection[Nowhere]) -> None:
    """In place of what is known of the same addresses. Saying the same again writes nothing."""
    old = {(row.address, row.domain, row.hidden): row.pk for row in known}
    new = {(row.address, row.domain, row.hidden): row for row in lost}
    if old.keys() == new.keys():
        return
    Nowhere.objects.filter(pk__in=[pk for key, pk in old.items() if key not in new]).delete()
    Nowhere.objects.bulk_create(row for key, row in new.items() if key not in old)


def _here() -> QuerySet[Nowhere]:
    return Nowhere.objects.filter(node=settings.QMAILPANEL_NODE)
