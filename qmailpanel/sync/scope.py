"""Which domains a run is about."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.reports.models import SyncPosition


def dirty_domains(after: int) -> list[int]:
    """The domains with a change newer than `after` that is not yet applied."""
    node = settings.QMAILPANEL_NODE
    newer = dict(Domain.objects.filter(change__gt=after).values_list("id", "change_id"))
    applied = dict(
        SyncPosition.objects.filter(node=node, domain__in=list(newer)).values_list(
            "domain", "applied"
        )
        if len(newer) < 500
        else SyncPosition.objects.filter(node=node).values_list("domain", "applied")
    )
    return sorted(domain for domain, change in newer.items() if change > applied.get(domain, 0))


def all_domains() -> list[int]:
    """Every domain that holds its name, or of which something is left that refuses mail."""
    refusing = Claim.objects.filter(domain=OuterRef("pk"), claims=True, refuses=True)
    left = Domain.objects.filter(Q(leaving=True) | Exists(refusing), removed=True)
    rows = Domain.objects.filter(Q(pk__in=Domain.objects.claiming()) | Q(pk__in=left))
    return list(rows.order_by("id").values_list("id", flat=True))
