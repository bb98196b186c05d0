"""Which domains a run is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.qmail.plan.state import is_left_path, prepend_left
from qmailpanel.reports.models import SyncPosition

from .parts import NOTHING, Parts


class Scope(NamedTuple):
    """What a run is about: domains as a whole, others as far as something of them is amiss, and of
    yet others what is given.
    """

    whole: Sequence[int]
    part: Sequence[int] = ()
    given: Parts = NOTHING

    @property
    def domains(self) -> list[int]:
        return sorted({*self.whole, *self.part, *self.given})


def as_whole(scope: Scope) -> Scope:
    return Scope(scope.domains)


def dirty_domains(after: int) -> list[int]:
    """The domains with a change newer than `after` that is not yet applied."""
    here = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE)
    applied = here.filter(domain=OuterRef("pk"), applied__gte=OuterRef("change_id"))
    newer = Domain.objects.filter(~Exists(applied), change__gt=after)
    return list(newer.order_by("id").values_list("id", flat=True))


def with_changed(scope: Scope, since: int | None) -> Scope:
    """And what was changed since: mail may go over both."""
    changed = () if since is None else dirty_domains(since)
    return Scope(scope.whole, sorted({*scope.part, *changed} - {*scope.whole}))


def all_domains() -> list[int]:
    """Every domain that holds its name, or of which something is left that refuses mail."""
    refusing = Claim.objects.filter(domain=OuterRef("pk"), claims=True, refuses=True)
    left = Domain.objects.filter(Q(leaving=True) | Exists(refusing), removed=True)
    rows = Domain.objects.filter(Q(pk__in=Domain.objects.claiming()) | Q(pk__in=left))
    return list(rows.order_by("id").values_list("id", flat=True))


def domains_named(names: Collection[str]) -> set[int]:
    """Whose these names are, those of what is left of a domain included."""
    claims = Claim.objects.filter(name__in=names, claims=True)
    prepends = [prepend_left(name) for name in names if is_left_path(name)]
    left = Domain.objects.filter(prepend__in=prepends)
    return {*claims.values_list("domain", flat=True), *left.values_list("pk", flat=True)}
