"""Removed mailboxes as lists show them: of one domain, or of all that a person looks after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.access.rights import Right, read_rights
from qmailpanel.domains.frame import display
from qmailpanel.domains.models import LAST, Address, AddressQuerySet, Domain, Kind
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.badges import Badge, address_badge
from qmailpanel.web.lists import Query

from .services import kept_until

FEW = 1_000


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """A removed mailbox as the list shows it; `until`: none, its mail is kept for ever.

    `is_taken`: somebody else has its name by now. `can_restore`: the person may.
    """

    address: Address
    display: str
    badge: Badge
    until: datetime | None
    is_taken: bool
    can_restore: bool


def removed_in(user: User, domain: Domain) -> AddressQuerySet:
    """Those of a domain that can be restored."""
    return _restorable(user).filter(domain=domain)


def _restorable(user: User) -> AddressQuerySet:
    """With all that a row shows."""
    others = Address.objects.claiming().filter(domain=OuterRef("domain"), local=OuterRef("local"))
    mine = Address.objects.for_user(user).select_related("domain", "mailbox", "change")
    return mine.filter(kind=Kind.MAILBOX, removed=True, mailbox__purged=False).annotate(
        is_taken=Exists(others.filter(removed=False).exclude(pk=OuterRef("pk")))
    )


def removed_among(user: User, query: Query) -> QuerySet[Mailbox]:
    """Of all domains that the person looks after.

    Few are found in their domains first; of many, some come soon in the order of their removal.
    """
    gone: QuerySet[Mailbox] = Mailbox.objects.filter(purged=False, removed_at__isnull=False)
    if not user.is_operator:
        gone = _in_their_domains(user, gone)
    if query.local:
        begins = {"address__local__gte": query.local, "address__local__lt": query.local + LAST}
        gone = gone.filter(**begins)
    if "@" in query.q:
        gone = gone.filter(address__domain__name=query.host)
    mine = Address.objects.for_user(user).filter(pk=OuterRef("address"), removed=True)
    return gone.filter(Exists(mine))


def _in_their_domains(user: User, gone: QuerySet[Mailbox]) -> QuerySet[Mailbox]:
    domains = set(Domain.objects.for_user(user).values_list("pk", flat=True))
    theirs = gone.filter(**{f"domain__id{AMONG}": domains}).values_list("pk", flat=True)
    few = list(theirs[: FEW + 1])
    return gone.filter(pk__in=few) if len(few) <= FEW else gone


def addresses_of(user: User, mailboxes: Sequence[Mailbox]) -> list[Address]:
    """In the same order."""
    numbers = [mailbox.address_id for mailbox in mailboxes]
    known = {row.pk: row for row in _restorable(user).filter(pk__in=numbers)}
    return [known[number] for number in numbers if number in known]


def rows_of(user: User, statuses: Statuses, addresses: Sequence[Address]) -> list[RemovedRow]:
    return [
        RemovedRow(
            address,
            display(address.domain),
            address_badge(statuses, address),
            kept_until(address.mailbox),
            getattr(address, "is_taken", False),
            _can_restore(user, address),
        )
        for address in addresses
    ]


def _can_restore(user: User, address: Address) -> bool:
    if address.domain.removed:
        return False
    held = getattr(address, "held", [])
    return user.is_operator or Right.ADDRESSES in read_rights(held)
