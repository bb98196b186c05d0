"""What a domain had before its rows were removed or switched off, whoever forgot it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.rows import DomainRows, Layout
from qmailpanel.qmail.plan.state import Section

_THERE: dict[str, Any] = {"removed": False}
_ON: dict[str, Any] = {"removed": False, "enabled": True}


def render_undone(rows: DomainRows, layout: Layout) -> Iterator[Section]:
    """With nothing removed; with the domain on too; and with all of it on."""
    for domain, addresses in ((_THERE, _THERE), (_ON, _THERE), (_ON, _ON)):
        try:
            yield render_domain(_undo(rows, domain, addresses), layout).section
        except ValueError:
            continue  # what cannot be written never was


def _undo(rows: DomainRows, domain: dict[str, Any], addresses: dict[str, Any]) -> DomainRows:
    return replace(
        rows,
        alias_domains=(*rows.alias_domains, *rows.refused),
        refused=(),
        mailboxes=[replace(row, **addresses) for row in rows.mailboxes],
        aliases=[replace(row, **addresses) for row in rows.aliases],
        **domain,
    )
