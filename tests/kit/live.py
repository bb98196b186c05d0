"""What the sync service writes into the ledger, for tests that have no mail host."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from qmailpanel.domains.models import Address, Domain
from qmailpanel.reports.models import SyncPosition, SyncProblem, Usage


def make_live(domain: Domain) -> None:
    """All that was ever done to the domain is applied."""
    domain.refresh_from_db()
    write_position(domain, tried=domain.change_id, applied=domain.change_id)


def write_position(domain: Domain, *, tried: int, applied: int) -> None:
    SyncPosition.objects.update_or_create(
        node=settings.QMAILPANEL_NODE,
        domain=domain.pk,
        defaults={"tried": tried, "applied": applied},
    )


def write_problem(
    text: str, domain: Domain | None = None, address: Address | None = None
) -> SyncProblem:
    return SyncProblem.objects.create(
        node=settings.QMAILPANEL_NODE,
        domain=domain.pk if domain else None,
        address=address.pk if address else None,
        text=text,
        since=timezone.now(),
    )


def write_usage(address: Address, *, percent: int) -> Usage:
    """How full its mailbox was when sync looked."""
    return Usage.objects.create(
        node=settings.QMAILPANEL_NODE,
        domain=address.domain_id,
        address=address.pk,
        percent=percent,
        at=timezone.now(),
    )
