"""What a domain may have had before its rows said something else, whoever forgot it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.rows import DomainRows, Layout
from qmailpanel.qmail.plan.state import Section

_THERE: dict[str, Any] = {"removed": False}
_ON: dict[str, Any] = {"removed": False, "enabled": True}
_OFF: dict[str, Any] = {"removed": False, "enabled": False}
_BEFORE = (
    (_THERE, _THERE),
    (_ON, _THERE),
    (_ON, _ON),
    (_ON, _OFF),
    (_OFF, _THERE),
    (_ON | {"unknown": "bounce"}, _ON),
    (_ON | {"unknown": "refuse"}, _ON),
)  # what the row of the domain may have said, and those of its addresses with it


def render_undone(rows: DomainRows, layout: Layout) -> Iterator[Section]:
    """With nothing removed and all names below; on, off, by another rule for the unknown; and with
    all names removed.
    """
    undone = [_undo(rows, *states) for states in _BEFORE]
    names = (rows.name, *rows.alias_domains, *rows.refused)
    for before in (*undone, replace(undone[0], refused=names)):
        try:
            yield render_domain(before, layout).section
        except ValueError:
            continue  # what cannot be written never was


def _undo(rows: DomainRows, domain: dict[str, Any], addresses: dict[str, Any]) -> DomainRows:
    return replace(
        rows,
        alias_domains=(*rows.alias_domains, *rows.refused),
        refused=(),
        subdomains=True,
        mailboxes=[replace(row, **addresses) for row in rows.mailboxes],
        aliases=[replace(row, **addresses) for row in rows.aliases],
        **domain,
    )
