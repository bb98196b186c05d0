"""What finds any part of a local part, a comment or a destination: an index of three letters each.

SQLite has a table of its own for it, which triggers keep with the rows; PostgreSQL an index.
Those that were removed have their own: else they were looked for among all that are there.
"""

from typing import NamedTuple

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

IN_ANY_CASE = ("comment", "target")


class Index(NamedTuple):
    """`having`: the rows that are in it, by the switches `by`."""

    name: str
    table: str
    columns: tuple[str, ...]
    having: str = "true"
    by: tuple[str, ...] = ()


SWITCHES = ("claims", "removed")
INDEXES = (
    Index(
        "find_address",
        "domains_address",
        ("local", "comment"),
        "{row}claims AND NOT {row}removed",
        SWITCHES,
    ),
    Index(
        "find_removed",
        "domains_address",
        ("local", "comment"),
        "{row}claims AND {row}removed",
        SWITCHES,
    ),
    Index("find_destination", "domains_destination", ("target",)),
)


def make(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    write = {"sqlite": _make_table, "postgresql": _make_index}[editor.connection.vendor]
    for index in INDEXES:
        write(editor, index)


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for index in INDEXES:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP INDEX {index.name}")
            continue
        for event in ("insert", "update", "delete"):
            editor.execute(f"DROP TRIGGER {index.name}_{event}")
        editor.execute(f"DROP TABLE {index.name}")


def _make_index(editor: BaseDatabaseSchemaEditor, index: Index) -> None:
    """In the spelling in which Django asks for `contains` and `icontains`."""
    asked = [f"UPPER({each})" if each in IN_ANY_CASE else each for each in index.columns]
    by = ", ".join(f"({column}) gin_trgm_ops" for column in asked)
    having = index.having.format(row="")
    editor.execute(f"CREATE INDEX {index.name} ON {index.table} USING gin ({by}) WHERE {having}")


def _make_table(editor: BaseDatabaseSchemaEditor, index: Index) -> None:
    """See sqlite.org/fts5.html, contentless tables: only the numbers of rows are asked of it."""
    name, table, columns, having, by = index
    names, where = ", ".join(columns), having.format(row="")
    editor.execute(
        f"CREATE VIRTUAL TABLE {name} USING fts5 ({names}, content='', tokenize='trigram')"
    )
    chosen = f"SELECT id, {names} FROM {table} WHERE {where}"  # noqa: S608 - ours
    editor.execute(f"INSERT INTO {name} (rowid, {names}) {chosen}")
    add, remove = _add(index), _remove(index)
    works = {"insert": add, "update": f"{remove} {add}", "delete": remove}
    for event, work in works.items():
        of = f" OF {', '.join([*columns, *by])}" if event == "update" else ""
        editor.execute(
            f"CREATE TRIGGER {name}_{event} AFTER {event}{of} ON {table} BEGIN {work} END"
        )


def _add(index: Index) -> str:
    values = ", ".join(f"new.{column}" for column in index.columns)
    into = f"{index.name} (rowid, {', '.join(index.columns)})"
    return f"INSERT INTO {into} SELECT new.id, {values} WHERE {index.having.format(row='new.')};"


def _remove(index: Index) -> str:
    values = ", ".join(f"old.{column}" for column in index.columns)
    into = f"{index.name} ({index.name}, rowid, {', '.join(index.columns)})"
    where = index.having.format(row="old.")
    return f"INSERT INTO {into} SELECT 'delete', old.id, {values} WHERE {where};"


class Migration(migrations.Migration):
    dependencies = [("domains", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
