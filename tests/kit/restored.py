"""A database of an earlier moment, or an empty one, put back below a running host."""

from __future__ import annotations

import sqlite3
from typing import cast

import pytest
from django.db import connection


def keep_database() -> sqlite3.Connection:
    """All rows as they are now."""
    if connection.vendor != "sqlite":
        pytest.skip("a file is put back")
    kept = sqlite3.connect(":memory:")
    _live().backup(kept)
    return kept


def put_back(kept: sqlite3.Connection) -> None:
    kept.backup(_live())


def _live() -> sqlite3.Connection:
    connection.ensure_connection()
    return cast(sqlite3.Connection, connection.connection)
