"""Whether a row is what its class declares: a database may hold anything in any column."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, is_dataclass

from qmailpanel.qmail.names import InvalidName, gettext_noop


def check_row(row: object, *, beside: Collection[str] = ()) -> None:
    """Raises InvalidName for a value of another type and for a number below 0.

    Rows within are checked too. `beside`: fields that are not looked at.
    """
    if not is_dataclass(row):
        return
    for column in fields(row):
        value = getattr(row, column.name)
        if column.name not in beside and not _is_declared(str(column.type), value):
            raise InvalidName(
                gettext_noop("The database has no proper %(name)s."), name=column.name
            )
        for each in value if isinstance(value, tuple) else (value,):
            check_row(each)


def _is_declared(kind: str, value: object) -> bool:
    match kind:
        case "str":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "int":
            return type(value) is int and value >= 0
        case "tuple[str, ...]":
            return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    return True


def as_name(value: object) -> str:
    """A text of a row as one that can be said to people; what is none becomes no name."""
    return value if isinstance(value, str) else ascii(value)
