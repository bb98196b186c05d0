"""When all of the host was looked at, and how much there was: written here, read by pages."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from qmailpanel.domains.fullness import bytes_of
from qmailpanel.domains.models import Domain
from qmailpanel.domains.sizes import mailboxes_in
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import LargeDomain, Survey

DOMAINS = 500  # that are counted between two pauses
LARGE = 2_000  # mailboxes; of fewer the page counts them itself


def note_read_back() -> None:
    """Everything was compared with what is on the disk."""
    now = timezone.now()
    Survey.objects.update_or_create(node=settings.QMAILPANEL_NODE, defaults={"read_back": now})


def count_all() -> Round[None]:
    """How much there is, now that it was asked of all addresses where their mail goes."""
    served = Domain.objects.filter(removed=False).order_by("pk")
    domains, mailboxes = list(served.values_list("pk", flat=True)), 0
    for start in range(0, len(domains), DOMAINS):
        mailboxes += _count(domains[start : start + DOMAINS])
        yield
    counts = {"at": timezone.now(), "domains": len(domains), "mailboxes": mailboxes}
    Survey.objects.update_or_create(node=settings.QMAILPANEL_NODE, defaults=counts)


def count_changed(since: int) -> Round[None]:
    """Again what newer changes may have made more or fewer in large domains."""
    here = LargeDomain.objects.filter(node=settings.QMAILPANEL_NODE)
    changed = Domain.objects.filter(
        change__gt=since, pk__in=list(here.values_list("domain", flat=True))
    )
    for domain in list(changed.values_list("pk", flat=True)):
        _count([domain])
        yield


def _count(domains: Collection[int]) -> int:
    """The mailboxes of these domains; what the large ones have is noted."""
    node, mailboxes = settings.QMAILPANEL_NODE, mailboxes_in(domains)
    large = {pk for pk, number in mailboxes.items() if number > LARGE}
    sizes = bytes_of(large) if large else {}
    rows = [
        LargeDomain(node=node, domain=pk, mailboxes=mailboxes[pk], bytes=sizes.get(pk, 0))
        for pk in large
    ]
    with transaction.atomic():
        LargeDomain.objects.filter(node=node, domain__in=domains).delete()
        LargeDomain.objects.bulk_create(rows)
    return sum(mailboxes.values())
