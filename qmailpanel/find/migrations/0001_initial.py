"""What finds any part of a local part, a comment or a destination: an index of three letters each.

SQLite has a table of its own for it, which triggers keep with the rows; PostgreSQL an index.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

INDEXED = {
    "find_address": ("domains_address", ("local", "comment")),
    "find_destination": ("domains_destination", ("target",)),
}
IN_ANY_CASE = ("comment", "target")


def make(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    write = {"sqlite": _make_table, "postgresql": _make_index}[editor.connection.vendor]
    for name, (table, columns) in INDEXED.items():
        write(editor, name, table, columns)


def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for name in INDEXED:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP INDEX {name}")
            continue
        for moment in ("insert", "update", "delete"):
            editor.execute(f"DROP TRIGGER {name}_{moment}")
        editor.execute(f"DROP TABLE {name}")


def _make_index(
    editor: BaseDatabaseSchemaEditor, name: str, table: str, columns: tuple[str, ...]
) -> None:
    """In the spelling in which Django asks for `contains` and `icontains`."""
    asked = [f"UPPER({column})" if column in IN_ANY_CASE else column for column in columns]
    by = ", ".join(f"({column}) gin_trgm_ops" for column in asked)
    editor.execute(f"CREATE INDEX {name} ON {table} USING gin ({by})")


def _make_table(
    editor: BaseDatabaseSchemaEditor, name: str, table: str, columns: tuple[str, ...]
) -> None:
    """See sqlite.org/fts5.html, external content tables."""
    names = ", ".join(columns)
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("new", "old"))
    add = f"INSERT INTO {name} (rowid, {names}) VALUES (new.id, {new});"  # noqa: S608 - ours
    remove = f"INSERT INTO {name} ({name}, rowid, {names}) VALUES ('delete', old.id, {old});"  # noqa: S608
    editor.execute(
        f"CREATE VIRTUAL TABLE {name} USING fts5 "
        f"({names}, content='{table}', content_rowid='id', tokenize='trigram')"
    )
    editor.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")  # noqa: S608
    moments = {"insert": ("INSERT", add), "delete": ("DELETE", remove)}
    moments["update"] = (f"UPDATE OF {names}", f"{remove} {add}")
    for moment, (event, work) in moments.items():
        editor.execute(f"CREATE TRIGGER {name}_{moment} AFTER {event} ON {table} BEGIN {work} END")


class Migration(migrations.Migration):
    dependencies = [("domains", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
