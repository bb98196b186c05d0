"""Reading rows whatever their text is: one that is no UTF-8 hides no other row from sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def any_text() -> Iterator[None]:
    """Within the block SQLite gives bytes for text that is no UTF-8, and no error."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    database = connection.connection
    before, database.text_factory = database.text_factory, _read_text
    try:
        yield
    finally:
        database.text_factory = before


def _read_text(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text
