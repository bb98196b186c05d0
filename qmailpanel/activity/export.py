"""The ledger as a table for other programs: CSV, a piece at a time. See RFC 4180."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from io import StringIO
from typing import Any

from django.db.models import QuerySet

from qmailpanel.accounts.models import User
from qmailpanel.ledger.models import Change
from qmailpanel.paging import pieces

from .services import NEWEST, names_of, place_of

PIECE = 200  # changes between two rests
BOM = "\ufeff"  # without it, spreadsheets take UTF-8 for something else
COLUMNS = [
    *("change", "time (UTC)", "person", "from", "what", "kind", "target"),
    *("domain", "before", "after"),
]
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute


def export(user: User, changes: QuerySet[Change]) -> Iterator[str]:
    """All of these changes, newest first; the columns are words of the panel in any language."""
    yield BOM + _lines([COLUMNS])
    for piece in pieces(changes, key=NEWEST, size=PIECE):
        names = names_of(piece)
        yield _lines(_row(user, change, names.get(change.domain or 0, "")) for change in piece)


def _row(user: User, change: Change, domain: str) -> list[str]:
    cells = [
        *(str(change.pk), change.at.astimezone(UTC).isoformat(), change.actor_name),
        *(place_of(user, change), change.verb, change.noun, change.target, domain),
        *(_fields({} if user.is_owner else side) for side in (change.before, change.after)),
    ]
    return [_harmless(cell) for cell in cells]


def _fields(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False) if fields else ""


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _lines(rows: Iterable[list[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
