from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.apps import apps
from django.db import connection


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has others for LIKE")
def test_no_index_is_the_beginning_of_another(db):
    """Every row that is written is written into it too, and the other finds the same."""
    assert [name for table in tables() for name in needless_indexes(indexes_of(table))] == []


def tables() -> set[str]:
    models = (each for each in apps.get_models() if each.__module__.startswith("qmailpanel"))
    return {model._meta.db_table for model in models}


def indexes_of(table: str) -> dict[str, Mapping[str, Any]]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
        partial = partial_indexes(cursor)
    whole = {name: one for name, one in found.items() if name not in partial}
    return {name: one for name, one in whole.items() if one["index"] or one["unique"]}


def partial_indexes(cursor: Any) -> set[str]:
    """Few rows are written into such a one, and what it finds another finds only in between."""
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")
    return {name for (name,) in cursor.fetchall()}


def needless_indexes(indexes: dict[str, Mapping[str, Any]]) -> list[str]:
    plain = {name: one["columns"] for name, one in indexes.items() if not one["unique"]}
    return [
        name
        for name, columns in plain.items()
        if all(columns) and any(begins(other, columns) for other in others(indexes, name))
    ]


def others(indexes: dict[str, Mapping[str, Any]], name: str) -> list[list[str]]:
    """Those that have all of its rows."""
    rows = rows_of_indexes()
    having = [each for each in indexes if rows.get(each) in (None, rows.get(name))]
    return [indexes[each]["columns"] for each in having if each != name]


def rows_of_indexes() -> dict[str, Any]:
    """The conditions of those that have not all rows."""
    indexes = (index for model in apps.get_models() for index in model._meta.indexes)
    return {index.name: index.condition for index in indexes if index.condition}


def begins(columns: list[str], beginning: list[str]) -> bool:
    return columns[: len(beginning)] == beginning
