"""SQLite, which holds no column to its type, read as if it did.

A broken restore or an edit by hand can put anything anywhere. A page that lists the row shows what
can be shown of it, and a round goes on: text that is no UTF-8 has its bytes as \\xff, no number is
0, no time is none. Sync reads columns as they are instead, and says of which row they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base, operations
from django.db.models import Field, JSONField
from django.db.models.expressions import Expression

from qmailpanel.state_dir import take_over

Converter = Callable[[Any, Any, Any], Any]

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = frozenset({"CharField", "TextField", "SlugField", "GenericIPAddressField"})
_TIMES = frozenset({"DateTimeField", "DateField"})
_decode = partial(str, encoding="utf-8", errors="backslashreplace")


class DatabaseOperations(operations.DatabaseOperations):
    """`exact`: columns are given as they are."""

    exact = False

    def get_db_converters(self, expression: Expression) -> list[Converter]:
        converters = super().get_db_converters(expression)
        if self.exact:
            return converters
        field = expression.output_field
        kind = field.get_internal_type()
        if kind in _TEXTS:
            return [_read_text, *converters]
        if kind.endswith("IntegerField"):
            return [partial(_read_number, field), *converters]
        if kind in _TIMES:
            return [partial(_read_time, field, converters)]
        if kind == "BooleanField":
            return [_read_switch]
        return [partial(_read_json, field), *converters] if _is_json(field) else converters


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection."""

    ops_class = DatabaseOperations
    ops: DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        """Without converters of Python's sqlite3, which raise on what is not of its type."""
        return {**super().get_connection_params(), "detect_types": 0}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        for suffix in ("", "-wal", "-shm"):
            take_over(Path(f"{conn_params['database']}{suffix}"))
        connection = super().get_new_connection(conn_params)
        connection.text_factory = _decode
        return connection

    @contextmanager
    def exactly(self) -> Iterator[None]:
        """Within the block columns are given as they are, and text that is no UTF-8 as bytes."""
        self.ensure_connection()
        before, self.ops.exact = self.ops.exact, True
        self.connection.text_factory = _decode_or_leave
        try:
            yield
        finally:
            self.ops.exact = before
            self.connection.text_factory = _decode_or_leave if before else _decode


def _decode_or_leave(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def _read_text(value: Any, _expression: Any, _connection: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _decode(value) if isinstance(value, bytes) else str(value)


def _read_number(field: Field[Any, Any], value: Any, *_more: Any) -> int | None:
    if isinstance(value, int) or value is None:
        return value
    return int(value) if isinstance(value, float) else _nothing(field, 0)


def _read_time(field: Field[Any, Any], converters: list[Converter], value: Any, *more: Any) -> Any:
    try:
        for convert in converters:
            value = convert(value, *more)
    except (TypeError, ValueError, AttributeError):
        value = None
    return _nothing(field, NEVER) if value is None else value


def _read_switch(value: Any, *_more: Any) -> bool | None:
    return None if value is None else bool(value)


def _is_json(field: Field[Any, Any]) -> bool:
    return isinstance(field, JSONField)


def _read_json(field: Field[Any, Any], value: Any, *_more: Any) -> str | None:
    """What is none, or another type than a new row has, is what a new row has."""
    default = field.get_default()
    kind = object if default is None else type(default)
    try:
        return value if isinstance(json.loads(value), kind) else json.dumps(default)
    except (TypeError, ValueError):
        return json.dumps(default)


def _nothing(field: Field[Any, Any], instead: Any) -> Any:
    return None if field.null else instead
