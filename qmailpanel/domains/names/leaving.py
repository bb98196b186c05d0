"""What is removed goes on refusing mail for a while, and when that ends.

A name refuses for `GRACE` after its removal is live, because open SMTP sessions go on accepting
mail for it; below another domain that takes mail for all names below, until somebody claims it. The
number of a removed domain refuses for as long as its mail may wait in the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Q

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.models import Claim, Domain
from qmailpanel.domains.routes.ours import parents_of
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.reports.statuses import Status, Statuses

from .claims import status_of

GRACE = timedelta(minutes=20)  # as long as a session of qmail-smtpd may be silent


def begin_refusal(domain: Domain) -> None:
    """The domain is removed by the caller's change: its names refuse from now on."""
    domain.names.filter(removed=False).update(refuses=True, refuses_until=None)
    domain.leaving, domain.leaving_until = True, None
    domain.save(update_fields=["leaving", "leaving_until"])


def take_back_refusal(domain: Domain) -> None:
    """The domain is restored by the caller's change."""
    domain.names.filter(removed=False).update(refuses=False, refuses_until=None)
    domain.leaving, domain.leaving_until = False, None
    domain.save(update_fields=["leaving", "leaving_until"])


def refuse_below(act: Deed, names: Iterable[str]) -> None:
    """The domain takes mail for all names below these: removed ones of others refuse again."""
    below = Q()
    for name in names:
        below |= Q(name__endswith=f".{name}")
    if not below:
        return
    gone = Claim.objects.filter(Q(removed=True) | Q(domain__removed=True), below, claims=True)
    rows = gone.filter(refuses=False).exclude(domain=act.domain).select_related("domain")
    for domain, claims in _by_domain(rows):
        Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(refuses=True)
        after = {"refused": sorted(claim.name for claim in claims)}
        act.record(Verb.CHANGED, domain, after=after)


def serve_elsewhere(actor: Actor, row: Domain | Claim) -> Domain | Claim:
    """Somebody else has the mail of these names now, so the host sends it on to them at once."""
    with deed(actor, row, by_operator=True, removed=True) as act:
        refusing = act.domain.names.filter(refuses=True)
        refusing = refusing.filter(Q(removed=True) | Q(domain__removed=True))
        _end_names(act, list(refusing if row is act.domain else refusing.filter(pk=row.pk)))
    row.refresh_from_db()
    return row


@dataclass(frozen=True)
class Clock:
    """`steady_since`: what was noted before that was noted by a clock that jumped."""

    now: datetime
    steady_since: datetime

    def end_of(self, until: datetime | None, span: timedelta) -> datetime:
        """When a span ends that was begun now, or that was to end at `until`."""
        if until is None:
            return self.now + span
        return min(max(until, self.steady_since + span), self.now + span)


def end_due(clock: Clock, lifetime: timedelta, is_caught: Callable[[int], bool]) -> int:
    """End what has refused for long enough. Returns how many names and numbers that were.

    `lifetime`: of mail in the queue. `is_caught`: whether another program's line would take the
    mail of a number.
    """
    gone = Q(removed=True) | Q(domain__removed=True)
    names = Claim.objects.filter(gone, refuses=True, claims=True)
    numbers = Domain.objects.filter(removed=True, leaving=True)
    if not (names.exists() or numbers.exists()):
        return 0
    with ledger_locked():
        due = _due_numbers(clock, lifetime, numbers)
        domains = [domain for domain in due if not is_caught(domain.prepend)]
        claims = _due_names(clock, names.select_related("domain"))
        for domain, rows in _by_domain(claims):
            _end_names(Deed(SYSTEM, domain), rows)
        for domain in domains:
            _end_number(domain)
    return len(claims) + len(domains)


def _due_names(clock: Clock, rows: Iterable[Claim]) -> list[Claim]:
    claims = list(rows)
    statuses = Statuses(claim.domain_id for claim in claims)
    live = [claim for claim in claims if status_of(claim, statuses) is Status.REMOVED]
    for claim in live:
        until = clock.end_of(claim.refuses_until, GRACE)
        if until != claim.refuses_until:
            claim.refuses_until = until
            claim.save(update_fields=["refuses_until"])
    over = [claim for claim in live if claim.refuses_until and claim.refuses_until <= clock.now]
    return [claim for claim in over if not is_below_others(claim)]


def _due_numbers(clock: Clock, lifetime: timedelta, rows: Iterable[Domain]) -> list[Domain]:
    domains = list(rows)
    statuses = Statuses(domain.pk for domain in domains)
    live = [domain for domain in domains if statuses.of_domain(domain) is Status.REMOVED]
    for domain in live:
        until = clock.end_of(domain.leaving_until, lifetime)
        if until != domain.leaving_until:
            domain.leaving_until = until
            domain.save(update_fields=["leaving_until"])
    return [domain for domain in live if domain.leaving_until and domain.leaving_until <= clock.now]


def is_below_others(claim: Claim) -> bool:
    """Whether another domain would get its mail, because it takes mail for all names below."""
    catching = Claim.objects.filter(name__in=list(parents_of(claim.name)), claims=True)
    catching = catching.filter(removed=False, domain__removed=False, domain__subdomains=True)
    return catching.exclude(domain=claim.domain_id).exists()


def _end_names(act: Deed, claims: Sequence[Claim]) -> None:
    """Of a domain that is there, one by one: each is an alias domain with a removal of its own."""
    Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(refuses=False)
    if not act.domain.removed:
        for claim in claims:
            act.record(Verb.ENDED, act.domain, Noun.ALIAS_DOMAIN, target=claim.name)
    elif claims:
        before = {"refused": sorted(claim.name for claim in claims)}
        act.record(Verb.ENDED, act.domain, before=before)


def _end_number(domain: Domain) -> None:
    domain.leaving = False
    before, after = {"leaving": True}, {"leaving": False}
    Deed(SYSTEM, domain).record(Verb.ENDED, before=before, after=after)


def _by_domain(claims: Iterable[Claim]) -> list[tuple[Domain, list[Claim]]]:
    """Each domain once, as one object."""
    ordered = sorted(claims, key=lambda claim: claim.domain_id)
    groups = [list(group) for _, group in groupby(ordered, key=lambda claim: claim.domain_id)]
    return [(group[0].domain, group) for group in groups]
