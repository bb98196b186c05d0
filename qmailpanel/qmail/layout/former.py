"""A domain as its rows were before renames, which follow in all rows that deliver there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qmailpanel.qmail.layout.rows import DomainRows


@dataclass(frozen=True)
class Renames:
    """What was renamed anywhere: from the new to the former `names` of domains, and `addresses`."""

    names: Mapping[str, str]
    addresses: Mapping[str, str]

    def undo(self, target: str) -> str:
        """An address as it was written before."""
        if not isinstance(target, str):
            return target
        local, at, name = target.rpartition("@")
        return self.addresses.get(target) or f"{local}{at}{self.names.get(name, name)}"

    def undo_all(self, targets: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(self.undo, targets))


def as_before(
    rows: DomainRows, name: str, locals_: Mapping[int, str], renames: Renames
) -> DomainRows:
    """With the former name of the domain, and those of its mailboxes that had another one."""
    mailboxes = [
        replace(
            row,
            local=locals_.get(row.mailbox, row.local),
            destinations=renames.undo_all(row.destinations),
        )
        for row in rows.mailboxes
    ]
    aliases = [
        replace(row, destinations=renames.undo_all(row.destinations))
        for row in rows.aliases
        if row.local not in locals_.values()  # a rename left it
    ]
    names = (*rows.alias_domains, rows.name)
    departed = rows.departed and replace(rows.departed, target=renames.undo(rows.departed.target))
    return replace(
        rows,
        name=name,
        alias_domains=tuple(each for each in names if each != name),
        refused=tuple(each for each in rows.refused if each != name),
        unknown_target=renames.undo(rows.unknown_target),
        departed=departed,
        mailboxes=mailboxes,
        aliases=aliases,
    )
