"""Conditions on changes, and which of them an index serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet, Subquery, Value

from qmailpanel.columns import PLAIN, Plain
from qmailpanel.ledger.models import Change, LedgerHead

FEW = 1_000  # changes are read and sorted in no time
MANY = 100_000
COLUMNS = ("domain", "address", "actor", "actor_name", "verb")


@dataclass(frozen=True)
class Condition:
    """One of these lookups is true of a change. `begins`: so the name of who did it begins."""

    lookups: Mapping[str, Any]
    begins: str = ""

    def on(self, columns: str = "") -> Q:
        """The same of columns whose names begin so."""
        return reduce(or_, (Q(**{columns + each: wanted}) for each, wanted in self.lookups.items()))

    @property
    def is_in_order(self) -> bool:
        """Whether what is met is one stretch of an index, by time."""
        return len(self.lookups) == 1 and "__" not in next(iter(self.lookups))

    def narrowed(self, first: str | None, last: str | None) -> Condition:
        """The same, where these are the first and the last name that begin so."""
        is_one = self.begins and first in (self.begins, last)
        return Condition({"actor_name": first}) if is_one and first else self


def meeting(conditions: Sequence[Condition], *besides: Condition) -> QuerySet[Change]:
    """The changes that meet all conditions; `besides`: those that nearly all of these meet.

    Where few meet one of them, these are found first; else all are looked for by time.
    """
    known = list(_known(conditions))
    few = None if _is_one([each for each, _ in known]) else _first_few(known)
    changes = Change.objects.alias(**{PLAIN + name: Plain(name) for name in COLUMNS})
    if few:  # behind a LIMIT, which PostgreSQL does not look through when it plans
        met = Change.objects.filter(few.on())
        changes = changes.filter(pk__in=met.values("pk")[:MANY])  # some may come meanwhile
    for condition, _is_few in known:
        is_served = not few and condition.is_in_order
        changes = changes.filter(condition.on("" if is_served else PLAIN))
    return reduce(lambda some, each: some.filter(each.on(PLAIN)), besides, changes)


def _is_one(conditions: Sequence[Condition]) -> bool:
    """Whether there is nothing to choose: all that is met is in order."""
    return len(conditions) <= 1 and all(each.is_in_order for each in conditions)


def _first_few(known: Sequence[tuple[Condition, bool]]) -> Condition | None:
    return next((condition for condition, is_few in known if is_few), None)


def _known(conditions: Sequence[Condition]) -> Iterator[tuple[Condition, bool]]:
    """Each, of one name where only that begins so, and whether few changes meet it; one query."""
    if _is_one(conditions):
        yield from ((condition, False) for condition in conditions)
        return
    asked = dict[str, Subquery]()
    for number, condition in enumerate(conditions):
        asked |= _ask_about(number, condition)
    found: Mapping[str, Any] = next(iter(LedgerHead.objects.values(**asked)[:1]), {})
    for number, condition in enumerate(conditions):
        first, last = found.get(f"first{number}"), found.get(f"last{number}")
        yield condition.narrowed(first, last), found.get(f"many{number}") is None


def _ask_about(number: int, condition: Condition) -> dict[str, Subquery]:
    met = Change.objects.filter(condition.on())
    many = Subquery(met.values(one=Value(1))[FEW : FEW + 1])
    if not condition.begins:
        return {f"many{number}": many}
    names = met.order_by("actor_name").values("actor_name")
    first, last = Subquery(names[:1]), Subquery(names.reverse()[:1])
    return {f"many{number}": many, f"first{number}": first, f"last{number}": last}
