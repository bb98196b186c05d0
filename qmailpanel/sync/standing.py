"""The rows of domains, with what sync said of them last: in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, Subquery

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.qmail.layout.rows import ReplyRow
from qmailpanel.reports.models import SyncPosition, SyncProblem

from .models import DriftDecision, SyncDrift
from .ready import Given, Row, Rows, ready

REPLY_COLUMNS = tuple(column.name for column in fields(ReplyRow))
_COLUMNS = (
    "id",
    "name",
    "prepend",
    "change_id",
    "frame",
    "enabled",
    "unknown",
    "unknown_text",
    "unknown_target",
    "subdomains",
    "removed",
    "leaving",
    *(f"responder__{column}" for column in ("domain_id", *REPLY_COLUMNS, "target")),
)


@dataclass(frozen=True)
class Standing:
    """`row`: see `domain_rows`. `tried`, `applied`, `left`: as in SyncPosition; None where nothing
    was said yet. `has_names`: more than its own one, or one that refuses mail.
    """

    row: Row
    tried: int | None
    applied: int | None
    left: Sequence[int] | None
    has_problems: bool
    has_drifts: bool
    has_decisions: bool
    has_names: bool

    @property
    def pk(self) -> int:
        """The number of the domain."""
        return int(self.row["id"])


_SAID = [column.name for column in fields(Standing)[1:]]


def read_standing(domains: Sequence[int], *, since: int | None = None) -> list[Standing]:
    """Of these domains, and of those that were changed after that one and are not live."""
    more = [] if since is None else [since]
    most = settings.QMAILPANEL_RCPTHOSTS
    rows = _standing_rows(settings.QMAILPANEL_NODE, domains, more, most=most)
    return [Standing(row, **{name: row[name] for name in _SAID}) for row in rows]


def domain_rows(most: int) -> Rows:
    """Each with all that is rendered of it, and `beyond`: see QMAILPANEL_RCPTHOSTS."""
    rows: Rows = Domain.objects.annotate(beyond=_first_beyond_rcpthosts(most))
    return rows.values(*_COLUMNS, "beyond")


def _first_beyond_rcpthosts(most: int) -> Subquery:
    """The prepend from which on domains are in morercpthosts: rcpthosts holds so many, no more."""
    served = Domain.objects.filter(removed=False).order_by("prepend")
    return Subquery(served.values("prepend")[most : most + 1])


def dirty_after(change: Given, node: Given) -> Q:
    """Those with a change newer than that one that is not yet applied."""
    positions = SyncPosition.objects.filter(node=node, domain=OuterRef("pk"))
    applied = positions.filter(applied__gte=OuterRef("change_id"))
    return Q(~Exists(applied), change__gt=change)


@ready
def _standing_rows(
    node: Given, domains: Sequence[Given], since: Sequence[Given], *, most: int
) -> Rows:
    here = {"node": node, "domain": OuterRef("pk")}
    positions = SyncPosition.objects.filter(**here)
    names = Claim.objects.filter(domain=OuterRef("pk"), claims=True)
    is_more = ~Q(name=OuterRef("name")) | Q(refuses=True)
    which = reduce(or_, (dirty_after(change, node) for change in since), Q(pk__in=domains))
    rows: Rows = domain_rows(most).annotate(
        **{name: Subquery(positions.values(name)) for name in ("tried", "applied", "left")},
        has_problems=Exists(SyncProblem.objects.filter(**here)),
        has_drifts=Exists(SyncDrift.objects.filter(**here)),
        has_decisions=Exists(DriftDecision.objects.filter(domain=OuterRef("pk"))),
        has_names=Exists(names.filter(is_more)),
    )
    those: Rows = rows.filter(which)
    return those
