"""The rows of domains, with what sync said of them last: in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.qmail.layout.rows import ReplyRow
from qmailpanel.reports.models import SyncPosition, SyncProblem

from .models import DriftDecision, SyncDrift

REPLY_COLUMNS = tuple(column.name for column in fields(ReplyRow))
_COLUMNS = (
    "name",
    "prepend",
    "change",
    "frame",
    "enabled",
    "unknown",
    "unknown_text",
    "unknown_target",
    "subdomains",
    "removed",
    "leaving",
    *(f"responder__{column}" for column in (*REPLY_COLUMNS, "target")),
)


@dataclass(frozen=True)
class Standing:
    """`row`: see `domain_rows`. `tried`, `applied`, `left`: as in SyncPosition; None where nothing
    was said yet. `has_names`: more than its own one, or one that refuses mail.
    """

    row: Domain
    tried: int | None
    applied: int | None
    left: Sequence[int] | None
    has_problems: bool
    has_drifts: bool
    has_decisions: bool
    has_names: bool


def read_standing(which: Q) -> list[Standing]:
    """Of the domains that `which` says."""
    said = _said()
    return [
        Standing(row, **{name: vars(row)[name] for name in said})
        for row in domain_rows().filter(which).annotate(**said)
    ]


def domain_rows() -> QuerySet[Domain]:
    """Each with all that is rendered of it, and `beyond`."""
    rows = Domain.objects.select_related("responder").only(*_COLUMNS)
    return rows.annotate(beyond=_first_beyond_rcpthosts())


def _first_beyond_rcpthosts() -> Subquery:
    """The prepend from which on domains are in morercpthosts: rcpthosts holds so many, no more."""
    served = Domain.objects.filter(removed=False).order_by("prepend")
    most = settings.QMAILPANEL_RCPTHOSTS
    return Subquery(served.values("prepend")[most : most + 1])


def dirty_after(change: int) -> Q:
    """Those with a change newer than that one that is not yet applied."""
    applied = _positions().filter(applied__gte=OuterRef("change_id"))
    return Q(~Exists(applied), change__gt=change)


def _positions() -> QuerySet[SyncPosition]:
    return SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE, domain=OuterRef("pk"))


def _said() -> dict[str, Exists | Subquery]:
    here = {"node": settings.QMAILPANEL_NODE, "domain": OuterRef("pk")}
    names = Claim.objects.filter(domain=OuterRef("pk"), claims=True)
    is_more = ~Q(name=OuterRef("name")) | Q(refuses=True)
    return {
        **{name: Subquery(_positions().values(name)) for name in ("tried", "applied", "left")},
        "has_problems": Exists(SyncProblem.objects.filter(**here)),
        "has_drifts": Exists(SyncDrift.objects.filter(**here)),
        "has_decisions": Exists(DriftDecision.objects.filter(domain=OuterRef("pk"))),
        "has_names": Exists(names.filter(is_more)),
    }
