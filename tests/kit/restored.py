"""A database, a memory or a whole host of an earlier moment, put back below a running panel."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import cast

import pytest
from django.conf import settings
from django.db import connection

MEMORY = "applied.sqlite3"


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


def keep_memory() -> sqlite3.Connection:
    """What sync remembers now."""
    kept = sqlite3.connect(":memory:")
    with _memory() as memory:
        memory.backup(kept)
    memory.close()
    return kept


def put_memory_back(kept: sqlite3.Connection | None) -> None:
    """None: the memory is lost."""
    shutil.rmtree(settings.QMAILPANEL_SYNC_DIR, ignore_errors=True)
    if kept is not None:
        with _memory() as memory:
            kept.backup(memory)
        memory.close()


def _memory() -> sqlite3.Connection:
    directory = Path(settings.QMAILPANEL_SYNC_DIR)
    directory.mkdir(exist_ok=True)
    return sqlite3.connect(directory / MEMORY)
