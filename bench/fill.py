"""Rows by the million: made in the database, as INSERT … SELECT."""

from __future__ import annotations

from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

COUNTED = """
WITH RECURSIVE counted(n) AS
(SELECT CAST(0 AS bigint) UNION ALL SELECT n + 1 FROM counted WHERE n < %s)
"""
SECONDS_LATER = {
    "sqlite": "datetime(%s, '+' || ({}) || ' seconds')",
    "postgresql": "%s::timestamptz + ({}) * interval '1 second'",
}


def fill(model: type[Model], number: int, **columns: str) -> None:
    """So many rows: some columns in SQL, where `n` counts from 0; the others as in a new row."""
    names, values, defaults = _columns(model, columns)
    insert = f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM counted"
    _run(f"{COUNTED} {insert}", [number - 1, *defaults])


def fill_from(model: type[Model], source: str, **columns: str) -> None:
    """A row for each of those that stand behind this FROM."""
    names, values, defaults = _columns(model, columns)
    _run(f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM {source}", defaults)


def _columns(model: type[Model], given: dict[str, str]) -> tuple[str, str, list[Any]]:
    fields = model._meta.concrete_fields
    rest = [each for each in fields if each.column not in given and not each.primary_key]
    names = [*given, *(str(field.column) for field in rest)]
    values = [*(value.replace("%", "%%") for value in given.values()), *("%s" for _ in rest)]
    defaults = [field.get_db_prep_save(field.get_default(), connection) for field in rest]
    return ", ".join(map(connection.ops.quote_name, names)), ", ".join(values), defaults


def padded(number: str, digits: int) -> str:
    return f"substr(CAST(1{'0' * digits} + ({number}) AS text), 2)"


def settle(*models: type[Model]) -> None:
    """Numbers go on behind those that were given. PostgreSQL looks at what there is, as it would
    soon by itself; SQLite never does.
    """
    for statement in connection.ops.sequence_reset_sql(no_style(), models):
        _run(statement, [])
    if connection.vendor == "postgresql":
        _run("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE", [])


def _run(statement: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
