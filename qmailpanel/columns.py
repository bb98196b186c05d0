"""Columns in SQL, so that SQLite takes the index it should, or none. It plans before it knows any
value that is sent beside the query, and without statistics.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Func
from django.db.models.sql.compiler import SQLCompiler

PLAIN = "plain_"  # how such a column is called


class Plain(Func):
    """A column as it is, for which SQLite takes no index. See its optoverview.html, 7.

    Else it takes any index, reads all that is there and sorts it, or looks through a long stretch
    for what another index would find at once.
    """

    template = "%(expressions)s"

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_more: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="+%(expressions)s")


class Empty(Func):
    """Whether the column is the empty text; written out as an index has it for its condition.

    See partialindex.html, 3.1.
    """

    arity = 1
    template = "%(expressions)s = ''"
    output_field = BooleanField()
