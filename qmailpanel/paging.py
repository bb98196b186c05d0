"""Pages by key instead of by number: no COUNT, no OFFSET, the last page as quick as the first.

Where somebody counted few rows, a page has a number all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row")
ModelRow = TypeVar("ModelRow", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and the cursors of the pages beside them ("" for none).

    Or `number` of `last` pages; 0 where they have none.
    """

    rows: list[Row]
    next: str = ""
    previous: str = ""
    number: int = 0
    last: int = 0

    @property
    def numbers(self) -> range:
        return range(1, self.last + 1)

    @property
    def before(self) -> int:
        """The number of the page before this one, 0 on the first."""
        return self.number - 1

    @property
    def behind(self) -> int:
        return self.number + 1 if self.number < self.last else 0


def page(
    queryset: QuerySet[ModelRow],
    *,
    key: Sequence[str],
    after: str = "",
    before: str = "",
    size: int = 50,
) -> Page[ModelRow]:
    """The rows after one cursor or before another; with a bad or outdated cursor the first page.

    `key` orders the rows and is unique as a whole; "-id" runs downwards.
    """
    signer = Signer(salt=":".join(["page", queryset.model._meta.label, *key]))
    is_back = bool(before)
    start = _read(signer, before or after)
    order = [_opposite(name) for name in key] if is_back else list(key)
    some = queryset.order_by(*order)
    found = list((some.filter(_beyond(order, start)) if start else some)[: size + 1])
    if (is_back or start) and not (start and found):
        return page(queryset, key=key, size=size)
    rows, more = found[:size], len(found) > size
    if is_back:
        rows.reverse()
    return Page(
        rows,
        next=_cursor(signer, key, rows[-1]) if is_back or more else "",
        previous=_cursor(signer, key, rows[0]) if (more if is_back else start) else "",
    )


def numbered_page(
    queryset: QuerySet[ModelRow], count: int, number: int, *, size: int = 50
) -> Page[ModelRow]:
    """The page of that number, or the last one before it. `count`: how many rows there are.

    The database goes through all rows before it, so that they must be few.
    """
    last = max(1, -(-count // size))
    number = min(max(number, 1), last)
    rows = list(queryset[(number - 1) * size : number * size])
    return Page(rows, number=number, last=last)


def pieces(
    queryset: QuerySet[ModelRow], *, key: Sequence[str], size: int = 1_000
) -> Iterator[list[ModelRow]]:
    """All rows in the order of `key`, some at a time: no query stays open while they are used."""
    some = queryset.order_by(*key)
    rows = list(some[:size])
    while rows:
        yield rows
        start = _values(key, rows[-1])
        rows = list(some.filter(_beyond(key, start))[:size]) if len(rows) == size else []


def _beyond(order: Sequence[str], start: Sequence[Any]) -> Q:
    """What comes later in this order; the first comparison stands alone, so an index serves it."""
    if len(order) == 1:
        return Q(**{_comparison(order[0], ""): start[0]})
    later, equal = Q(), Q()
    for name, value in zip(order, start, strict=True):
        later |= equal & Q(**{_comparison(name, ""): value})
        equal &= Q(**{name.lstrip("-"): value})
    return Q(**{_comparison(order[0], "e"): start[0]}) & later


def _comparison(name: str, equal: str) -> str:
    return f"{name.lstrip('-')}__{'lt' if name.startswith('-') else 'gt'}{equal}"


def _opposite(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _cursor(signer: Signer, key: Sequence[str], row: Model) -> str:
    return signer.sign_object(list(map(_plain, _values(key, row))))


def _values(key: Sequence[str], row: Model) -> list[Any]:
    return [getattr(row, name.lstrip("-")) for name in key]


def _plain(value: Any) -> Any:
    """As JSON has it; a filter understands a time that is written so."""
    return value.isoformat() if isinstance(value, datetime) else value


def _read(signer: Signer, cursor: str) -> list[Any] | None:
    """The key values of a cursor; none unless it was made here, for this very list."""
    try:
        values: list[Any] = signer.unsign_object(cursor)
    except BadSignature:
        return None
    return values
