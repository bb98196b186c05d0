"""What the next run would do, as far as the database knows."""

from django.conf import settings

from qmailpanel.domains.lists import behind
from qmailpanel.domains.models import Domain
from qmailpanel.reports.models import SyncNode

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
    waiting = behind(Domain.objects.claiming()).order_by("name")
    return list(waiting.values_list("name", flat=True)[:WAITING_SHOWN])
