"""Whether a row is what its class declares: a database may hold anything in any column."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from qmailpanel.qmail.names import InvalidName, gettext_noop


def check_row(row: object, *, beside: Collection[str] = ()) -> None:
    """Raises InvalidName for a value of another type and for a number below 0.

    Rows within are checked too. `beside`: fields that are not looked at.
    """
    kind: Any = type(row)
    for name, is_declared in _columns(kind):
        value = getattr(row, name)
        if name not in beside and not is_declared(value):
            raise InvalidName(gettext_noop("The database has no proper %(name)s."), name=name)
        if not isinstance(value, _PLAIN):
            for each in value if isinstance(value, tuple) else (value,):
                check_row(each)


_PLAIN = (str, int, type(None))


@cache
def _columns(kind: type) -> tuple[tuple[str, Callable[[object], bool]], ...]:
    """Of a class of rows; of any other class none."""
    if not is_dataclass(kind):
        return ()
    return tuple((each.name, _DECLARED.get(str(each.type), _is_any)) for each in fields(kind))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


def _is_any(_value: object) -> bool:
    return True


_DECLARED: dict[str, Callable[[object], bool]] = {
    "str": _is_text,
    "bool": _is_bool,
    "int": _is_number,
    "tuple[str, ...]": _are_texts,
}


def as_name(value: object) -> str:
    """A text of a row as one that can be said to people; what is none becomes no name."""
    return value if isinstance(value, str) else ascii(value)
