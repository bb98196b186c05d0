"""What the operator's page reads: rows of this node, which nobody else may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    Max,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Concat
from django.utils.translation import ngettext

from qmailpanel.domains.frame import FAILED, Notice, around
from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.models import SyncPosition, SyncProblem
from qmailpanel.qmail.doctor import Severity

from .models import HostFinding

ALARMS = 3  # named in the banner


def here(model: type[Model]) -> QuerySet[Any]:
    """The rows of this panel's node."""
    return model._default_manager.filter(node=settings.QMAILPANEL_NODE)


def frame(found: Iterable[Notice], *, alarm: bool = True) -> dict[str, Any]:
    """The context of sync/frame.html: what the banner says, and how much the doctor found.

    `alarm`: the worst of that is in the banner too.
    """
    findings = here(HostFinding)
    alarms = findings.filter(severity=Severity.ALARM).order_by("file", "number")
    worst = list(alarms[:ALARMS]) if alarm else []
    notices = [*([_alarm(worst)] if worst else []), *found]
    return {**around(notices), "findings_count": findings.count()}


def _alarm(worst: list[HostFinding]) -> Notice:
    text = ngettext(
        "The doctor found a trap that loses, refuses or relays mail. See the page Doctor.",
        "The doctor found traps that lose, refuse or relay mail. See the page Doctor.",
        len(worst),
    )
    return Notice(FAILED, text, "\n".join(f"{one.place}: {one.said}" for one in worst))


def find_position() -> dict[str, Any]:
    """The newest change, the newest that is live, and how many domains are behind."""
    applied = here(SyncPosition).filter(domain=OuterRef("pk"), applied__gte=OuterRef("change_id"))
    return {
        **Domain.objects.aggregate(
            newest=Max("change_id"), behind=Count("pk", filter=~Exists(applied))
        ),
        **here(SyncPosition).aggregate(applied=Max("applied")),
    }


def find_problems() -> QuerySet[SyncProblem]:
    """What failed, with the names of those it concerns."""
    domain = Domain.objects.filter(pk=OuterRef("domain")).values("name")
    address = Address.objects.filter(pk=OuterRef("address")).values(
        name=Concat(F("local"), Value("@"), F("domain__name"), output_field=CharField())
    )
    found: QuerySet[SyncProblem] = here(SyncProblem)
    named = found.annotate(domain_name=Subquery(domain), address_name=Subquery(address))
    return named.order_by("since", "id")
