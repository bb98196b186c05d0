"""Reading rows whatever they hold: what is not of its type is told, and hides no other row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def any_text() -> Iterator[None]:
    """Within the block SQLite gives columns as they are, bytes for text that is no UTF-8."""
    database: Any = connection
    if database.vendor != "sqlite":
        yield
        return
    with database.exactly():
        yield
