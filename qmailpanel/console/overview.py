"""What the operator's page reads: rows of this node, which nobody else may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import (
    CharField,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Concat

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.lists import count_behind
from qmailpanel.domains.models import Address, Domain
from qmailpanel.reports.models import SyncPosition, SyncProblem
from qmailpanel.sync.models import HostFinding
from qmailpanel.web.notices import Notice, around

PROBLEMS = 100  # as many as the page shows, which looks again and again


def console_context(request: PanelRequest, shown: Iterable[Notice]) -> dict[str, Any]:
    """The context of console/frame.html: what the banner says, and how much the doctor found."""
    findings = HostFinding.objects.for_user(request.user)
    return {**around(shown), "findings_count": findings.count()}


def find_position() -> dict[str, Any]:
    """The newest change, the newest that is live, and how many domains are behind."""
    here = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE)
    live = Subquery(here.order_by("-applied").values("applied")[:1])
    newest = Domain.objects.order_by("-change_id").values_list("change_id", live).first()
    change, applied = newest or (None, None)
    return {"newest": change, "applied": applied, "behind": count_behind()}


def find_problems() -> tuple[list[SyncProblem], int]:
    """What has failed longest, and how much failed besides."""
    problems = list(_named_problems()[: PROBLEMS + 1])
    if len(problems) <= PROBLEMS:
        return problems, 0
    here = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE)
    return problems[:PROBLEMS], here.count() - PROBLEMS


def _named_problems() -> QuerySet[SyncProblem]:
    """With the names of those they concern, and the kind of an address with a page.

    Those of the host come first.
    """
    domain = Domain.objects.filter(pk=OuterRef("domain")).values("name")
    address = Address.objects.filter(pk=OuterRef("address")).values(
        name=Concat(F("local"), Value("@"), F("domain__name"), output_field=CharField())
    )
    kind = Address.objects.filter(pk=OuterRef("address"), removed=False, domain__removed=False)
    here = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE)
    named = here.annotate(
        is_of_host=Q(domain=None),
        domain_name=Subquery(domain),
        address_name=Subquery(address),
        kind=Subquery(kind.values("kind")),
    )
    return named.order_by("-is_of_host", "since", "id")
