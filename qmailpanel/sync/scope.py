"""Which domains a run is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.qmail.plan.state import is_left_path, prepend_left

from .parts import NO_LOCALS, NOTHING, Locals, Parts
from .ready import Given, Rows, ready
from .standing import Standing, dirty_after, read_standing


class Scope(NamedTuple):
    """What a run is about: domains as a whole, others as far as something of them is amiss, and of
    yet others what is given.

    `since`: as the second, those that were changed after that one, and are not live. `also`: these
    local parts of the second, though nothing of them is amiss.
    """

    whole: Sequence[int]
    part: Sequence[int] = ()
    given: Parts = NOTHING
    since: int | None = None
    also: Locals = NO_LOCALS

    @property
    def domains(self) -> list[int]:
        return sorted({*self.whole, *self.part, *self.given})


def read_partly(scope: Scope) -> list[Standing]:
    """The domains of which it is about a part."""
    domains = read_standing(scope.part, since=scope.since)
    return [domain for domain in domains if domain.pk not in scope.whole]


def dirty_domains(after: int) -> list[int]:
    """The domains with a change newer than `after` that is not yet applied."""
    return [row["id"] for row in _dirty_rows(settings.QMAILPANEL_NODE, after)]


@ready
def _dirty_rows(node: Given, after: Given) -> Rows:
    return Domain.objects.filter(dirty_after(after, node)).order_by("id").values("id")


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
