"""A text column that every database compares and orders by its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    Text = models.CharField[str, str]
else:
    Text = models.CharField


class ByteOrdered(Text):
    """For text that is paged by order or searched by its beginning, as a range of an index.

    SQLite orders by bytes anyway. PostgreSQL orders by the language of the database, where `a-b`
    may come after `ab`, so the range of a beginning would miss rows. See PostgreSQL 23.2.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
