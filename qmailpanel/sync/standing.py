"""The rows of domains, with what sync said of them last: in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

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


_SAID = [column.name for column in fields(Standing)[1:]]


def read_standing(which: Q) -> list[Standing]:
    """Of the domains that `which` says."""
    rows = _standing_rows(settings.QMAILPANEL_NODE, settings.QMAILPANEL_RCPTHOSTS)
    return [
        Standing(row, **{name: vars(row)[name] for name in _SAID}) for row in rows.filter(which)
    ]


def domain_rows() -> QuerySet[Domain]:
    """Each with all that is rendered of it, and `beyond`."""
    return _domain_rows(settings.QMAILPANEL_RCPTHOSTS)


@cache  # to build it takes longer than to ask it
def _domain_rows(most: int) -> QuerySet[Domain]:
    rows = Domain.objects.select_related("responder").only(*_COLUMNS)
    return rows.annotate(beyond=_first_beyond_rcpthosts(most))


def _first_beyond_rcpthosts(most: int) -> Subquery:
    """The prepend from which on domains are in morercpthosts: rcpthosts holds so many, no more."""
    served = Domain.objects.filter(removed=False).order_by("prepend")
    return Subquery(served.values("prepend")[most : most + 1])


def dirty_after(change: int) -> Q:
    """Those with a change newer than that one that is not yet applied."""
    positions = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE, domain=OuterRef("pk"))
    applied = positions.filter(applied__gte=OuterRef("change_id"))
    return Q(~Exists(applied), change__gt=change)


@cache
def _standing_rows(node: str, most: int) -> QuerySet[Domain]:
    here = {"node": node, "domain": OuterRef("pk")}
    positions = SyncPosition.objects.filter(**here)
    names = Claim.objects.filter(domain=OuterRef("pk"), claims=True)
    is_more = ~Q(name=OuterRef("name")) | Q(refuses=True)
    return _domain_rows(most).annotate(
        **{name: Subquery(positions.values(name)) for name in ("tried", "applied", "left")},
        has_problems=Exists(SyncProblem.objects.filter(**here)),
        has_drifts=Exists(SyncDrift.objects.filter(**here)),
        has_decisions=Exists(DriftDecision.objects.filter(domain=OuterRef("pk"))),
        has_names=Exists(names.filter(is_more)),
    )
