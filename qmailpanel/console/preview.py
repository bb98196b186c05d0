"""What the next run would do, as far as the database knows."""

from django.conf import settings
from django.db.models import F, OuterRef, Q, Subquery

from qmailpanel.domains.models import Domain
from qmailpanel.reports.models import SyncNode, SyncPosition

WAITING_SHOWN = 50


def preview() -> str:
    """The steps that could not be carried out, as `qmailsync --dry-run` prints them; else, one a
    line, the domains that wait for the sync service. Empty: nothing is to be done.
    """
    node = SyncNode.objects.filter(node=settings.QMAILPANEL_NODE).first()
    if node and node.preview:
        return node.preview
    return "\n".join(f"bring {name} up to date" for name in _waiting_domains())


def _waiting_domains() -> list[str]:
    positions = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE, domain=OuterRef("pk"))
    applied = Subquery(positions.values("applied")[:1])
    waiting = (
        Domain.objects.claiming()
        .annotate(applied=applied)
        .filter(Q(applied=None) | Q(applied__lt=F("change_id")))
    )
    names = waiting.order_by("name").values_list("name", flat=True)
    return list(names[:WAITING_SHOWN])
