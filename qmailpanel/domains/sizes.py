"""How much there is in domains, of how much there may be: of a page of them at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from qmailpanel.reports.models import LargeDomain

from .access.limits import EXPECTED, limits_of
from .access.models import Limits
from .fullness import bytes_of
from .models import Address, Domain, Kind


@dataclass(frozen=True, slots=True)
class Size:
    """Of a domain: addresses as its limits count them, and bytes in all its mailboxes."""

    mailboxes: int
    aliases: int
    bytes: int
    limits: Limits

    @property
    def percent(self) -> int | None:
        """How much of the storage for all mailboxes is used; none without a limit."""
        pool = self.limits.pool
        return self.bytes * 100 // pool if pool else None


class Sizes:
    """Those of some domains, which came with their limits: five queries however many they are.

    Of a large domain sync has counted, and again soon after a change.
    """

    def __init__(self, domains: Collection[Domain]) -> None:
        ids = {domain.pk for domain in domains}
        rows = Address.objects.filter(domain__in=ids, removed=False)
        here = LargeDomain.objects.filter(node=settings.QMAILPANEL_NODE)
        large = {row.domain: row for row in here.filter(domain__in=ids)}
        small = ids - large.keys()
        self._mailboxes = mailboxes_in(small) | {pk: row.mailboxes for pk, row in large.items()}
        self._bytes = bytes_of(small) | {pk: row.bytes for pk, row in large.items()}
        self._aliases = _counted(rows.filter(kind=Kind.ALIAS).exclude(local__in=EXPECTED))

    def of(self, domain: Domain) -> Size:
        return Size(
            mailboxes=self._mailboxes.get(domain.pk, 0),
            aliases=self._aliases.get(domain.pk, 0),
            bytes=self._bytes.get(domain.pk, 0),
            limits=limits_of(domain),
        )


def mailboxes_in(domains: Collection[int]) -> dict[int, int]:
    """By domain, as limits count them; in indexes alone, as one may have a hundred thousand."""
    there = Q(mailboxes__removed_at=None)
    rows = Domain.objects.filter(pk__in=domains).order_by().values_list("pk")
    all_of_them = dict(rows.annotate(n=Count("mailboxes__domain", filter=there)))
    named = Address.objects.filter(domain__in=domains, local__in=EXPECTED, removed=False)
    expected = _counted(named.filter(kind=Kind.MAILBOX))
    return {pk: number - expected.get(pk, 0) for pk, number in all_of_them.items()}


def _counted(rows: QuerySet[Any]) -> dict[int, int]:
    """By domain."""
    return dict(rows.order_by().values_list("domain").annotate(n=Count("local")))
