"""`in` of many numbers, as one parameter: each of thousands would cost Django and the driver time.

`Row.objects.filter(**{f"number{AMONG}": numbers})`. Of a list or tuple Django looks at each number
all the same, and not of a set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import IntegerField, Lookup
from django.db.models.sql.compiler import SQLCompiler

AMONG = "__among"
Sql = tuple[str, tuple[Any, ...]]

if TYPE_CHECKING:
    Truth = Lookup[bool]
else:
    Truth = Lookup


@IntegerField.register_lookup
class Among(Truth):
    """Some numbers, on columns of numbers; PostgreSQL knows them when it plans."""

    lookup_name = AMONG.removeprefix("__")

    def get_prep_lookup(self) -> str:
        return ",".join(str(int(number)) for number in self.rhs)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        sql = f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - a column is no input
        return sql, (*parameters, f"[{self.rhs}]")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*parameters, f"{{{self.rhs}}}")
