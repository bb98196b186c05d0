"""Queries that are made into SQL once for each shape: to make it takes longer than to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache, wraps
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet, Value

Row = Mapping[str, Any]
Rows = QuerySet[Any, Any]
Given = Any  # where a query is built, the place of a value

SHAPES, MOST = 100, 100  # of one query that are kept, and values that each has at most


class _Place(Value):
    """Where a value is put when the query is asked: its number among those that are given."""

    def as_sql(self, *_of: Any) -> tuple[str, Any]:
        return "%s", [self]


class _Made(NamedTuple):
    """`compiler`: Django's, which knows how to read what comes."""

    sql: str
    params: Sequence[Any]
    names: Sequence[str]
    compiler: Any


def ready(build: Callable[..., Rows]) -> Callable[..., list[Row]]:
    """`build` as a function that asks: its rows, by the names that it chose with `values`.

    What it is given by place are numbers, texts, and sequences of these, as the database has them;
    only sequences may decide which query it is, by how many they are. What it is given by name may.
    """

    @lru_cache(SHAPES)
    def make_once(shape: Any, **fixed: Any) -> _Made | None:
        return _make(build(*_places(shape), **fixed))

    @wraps(build)
    def ask(*given: Any, **fixed: Any) -> list[Row]:
        values = list[Any]()
        shape = _take_apart(given, values)
        is_kept = len(values) <= MOST
        made = make_once(shape, **fixed) if is_kept else _make(build(*given, **fixed))
        return list(_ask(made, values)) if made else []

    return ask


def _take_apart(given: Any, values: list[Any]) -> Any:
    """The shape: a number in the place of each value, which is the next of the `values`."""
    if isinstance(given, list | tuple):
        return tuple(_take_apart(one, values) for one in given)
    values.append(given)
    return len(values) - 1


def _places(shape: Any) -> Any:
    return [_places(one) for one in shape] if isinstance(shape, tuple) else _Place(shape)


def _make(query: Rows) -> _Made | None:
    """None for one that nothing answers to."""
    sql_query: Any = query.query
    compiler = sql_query.get_compiler(DEFAULT_DB_ALIAS)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    return _Made(sql, params, list(sql_query.selected), compiler)


def _ask(made: _Made, values: Sequence[Any]) -> Iterator[Row]:
    compiler = copy(made.compiler)  # the connection is that of this thread
    compiler.connection = connections[DEFAULT_DB_ALIAS]
    params = [values[one.value] if isinstance(one, _Place) else one for one in made.params]
    with compiler.connection.cursor() as cursor:
        cursor.execute(made.sql, params)
        found = cursor.fetchall()
    for row in compiler.results_iter([found]):
        yield dict(zip(made.names, row, strict=False))
