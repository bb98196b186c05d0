"""The rows of a list of addresses: which, in which order, how many, and a page of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from qmailpanel.domains.fullness import usages_in
from qmailpanel.domains.models import Address, AddressQuerySet, Domain, Kind
from qmailpanel.ledger.models import Change
from qmailpanel.paging import Page, numbered_page, page
from qmailpanel.web.lists import Query

from .badge import with_state
from .filters import Only, narrowed, numbered, only_of

COUNTED = 10_000  # addresses; of more it is said that there are more
NUMBERED = 1_000  # whose pages have numbers
BY_NAME = ("local",)
BY_BYTES = ("-bytes", "-address")
BY_USED = "used"


@dataclass(frozen=True, slots=True)
class Total:
    """`rows` of a list, those included that were removed and can come back; `number`: without.

    `is_more`: there are more than were counted.
    """

    rows: int
    number: int
    is_more: bool = False


MANY = Total(NUMBERED + 1, NUMBERED, is_more=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list; `only` and `is_by_used`: as it was asked for."""

    page: Page[Address]
    total: Total
    only: Only | None
    is_by_used: bool


def list_addresses(mine: AddressQuerySet, domain: Domain, kind: Kind, query: Query) -> Listing:
    """`mine`: all that the person may see anywhere."""
    only, is_by_used = only_of(kind, query.only), kind is Kind.MAILBOX and query.sort == BY_USED
    some = mine.starting(query.local) if query.local else mine
    rows, are_many = narrowed(_with_an_end(some, kind), domain, kind, only)
    total = MANY if are_many else _count(rows)
    rest = rows.exclude(pk=query.top) if query.top else rows
    if total.rows <= NUMBERED:
        order = [F("used_bytes").desc(nulls_last=True)] if is_by_used else []
        ordered = listed(rest, kind).order_by(*order, *BY_NAME)
        shown = numbered_page(ordered, total.rows, query.number)
    elif is_by_used:
        shown = _fullest(mine, rest, domain, query)
    else:
        shown = query.page_of(listed(rest, kind), BY_NAME)
    return Listing(shown, total, only, is_by_used)


def _with_an_end(rows: AddressQuerySet, kind: Kind) -> AddressQuerySet:
    """Removed aliases can be brought back from it as long as mailboxes from theirs."""
    if kind is Kind.MAILBOX or not settings.QMAILPANEL_RETENTION_DAYS:
        return rows
    since = timezone.now() - timedelta(days=settings.QMAILPANEL_RETENTION_DAYS)
    lately = Change.objects.filter(pk=OuterRef("change_id"), at__gte=since)
    return rows.filter(Q(removed=False) | Exists(lately))


def listed(rows: AddressQuerySet, kind: Kind) -> AddressQuerySet:
    """With all that a list shows of them, but where they deliver: few mailboxes forward."""
    if kind is Kind.ALIAS:
        return rows
    return with_state(rows).annotate(has_forwards=F("mailbox__forwards"))


def _count(rows: AddressQuerySet) -> Total:
    some = rows.order_by().values("pk", "removed")[: COUNTED + 1]
    found = some.aggregate(rows=Count("pk"), number=Count("pk", filter=Q(removed=False)))
    if found["rows"] > COUNTED:
        return Total(COUNTED + 1, COUNTED, is_more=True)
    return Total(**found)


def _fullest(
    mine: AddressQuerySet, rows: AddressQuerySet, domain: Domain, query: Query
) -> Page[Address]:
    """Of many, in the order of an index: without those that are not counted yet."""
    theirs = usages_in(domain).filter(Exists(rows.filter(pk=OuterRef("address"))))
    usages = page(theirs, key=BY_BYTES, after=query.after, before=query.before)
    numbers = [usage.address for usage in usages.rows]
    found = numbered(mine, domain, Kind.MAILBOX, numbers)
    known = {row.pk: row for row in listed(found, Kind.MAILBOX)}
    shown = [known[number] for number in numbers if number in known]
    return Page(shown, usages.next, usages.previous)
