"""Triggers by which the database itself refuses to alter or remove a change."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

REFUSE = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
# INSERT OR REPLACE removes a row without a word to a trigger on DELETE. See lang_conflict.html.
KNOWN = "WHEN EXISTS (SELECT 1 FROM ledger_change WHERE id = NEW.id)"
FUNCTION = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
TRIGGER = """
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_change
FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
"""
GUARD = {
    "sqlite": [
        f"CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger_change {REFUSE}",
        f"CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger_change {REFUSE}",
        f"CREATE TRIGGER ledger_replace BEFORE INSERT ON ledger_change {KNOWN} {REFUSE}",
    ],
    "postgresql": [FUNCTION, TRIGGER],
}
UNGUARD = {
    "sqlite": [f"DROP TRIGGER IF EXISTS ledger_{name}" for name in ("update", "delete", "replace")],
    "postgresql": [
        "DROP TRIGGER IF EXISTS ledger_append_only ON ledger_change",
        "DROP FUNCTION IF EXISTS ledger_refuse()",
    ],
}


def guard(connection: BaseDatabaseWrapper) -> None:
    """From now on changes can be added and read, and nothing else."""
    _run(connection, GUARD)


def unguard(connection: BaseDatabaseWrapper) -> None:
    """Back to a table like others, to undo the migration or to clear what tests wrote."""
    _run(connection, UNGUARD)


def _run(connection: BaseDatabaseWrapper, statements: dict[str, list[str]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
