"""The lines of one domain in the files that all domains share."""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.layout.rendering import Rendering
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from qmailpanel.qmail.names import DomainName

Lines = dict[Shared, dict[bytes, bytes]]


def render_lines(
    rendering: Rendering,
    rows: DomainRows,
    names: Sequence[DomainName],
    refused: Sequence[DomainName],
) -> Lines:
    """By file and key; its addresses are rendered already.

    `names`: all that the domain has. `refused`: those it had and that go on refusing.
    """
    lines = {Shared.ASSIGN: dict(sorted(rendering.assign.items()))}
    spellings = spell_names(names, rows)
    virtual = [control.render_virtual(name, rows.prepend, below=below) for name, below in spellings]
    virtual += [
        control.render_refused(name, rows.prepend, below=below)
        for name, below in spell_names(refused, rows)
    ]
    lines[Shared.VIRTUAL] = keyed(Shared.VIRTUAL, virtual)
    if not rows.enabled:
        return lines  # its wildcard refuses what still comes, and no shorter line catches it
    hosts = [control.render_host(name, below=below) for name, below in spellings]
    lines[Shared.MORE if rows.more else Shared.RCPT] = keyed(Shared.RCPT, hosts)
    if rendering.layout.nonexist and rows.unknown == "bounce":
        own_hosts = [control.render_host(name) for name in names]
        lines[Shared.NONEXIST] = keyed(Shared.NONEXIST, own_hosts)
    if rendering.layout.lists:
        recipients = _render_recipients(rendering, rows, names)
        lines |= dict.fromkeys(rendering.layout.lists, recipients)
    if Shared.MORE_VALID in rendering.layout.lists and rows.unknown == "refuse":
        others = [f"-@{name}\n".encode() for name in names]
        lines[Shared.MORE_VALID] = recipients | keyed(Shared.MORE_VALID, others)
    return lines


def spell_names(names: Sequence[DomainName], rows: DomainRows) -> list[tuple[DomainName, bool]]:
    """Each name; with sub-domains a second time, for all names below it."""
    belows = (False, True) if rows.subdomains else (False,)
    return [(name, below) for below in belows for name in names]


def _render_recipients(
    rendering: Rendering, rows: DomainRows, names: Sequence[DomainName]
) -> dict[bytes, bytes]:
    """Who is known: everybody at a name, `@pandle.net`, or the addresses one by one."""
    if rows.unknown != "refuse":
        return keyed(Shared.VALID, [f"@{name}\n".encode() for name in names])
    lines = dict[bytes, bytes]()
    addresses: list[MailboxRow | AliasRow] = [*rows.mailboxes, *rows.aliases]
    for row in addresses:
        assigned = rendering.key(row.local)
        if _is_served(rendering, row) and assigned in rendering.owners:
            keys = [f"{row.local}@{name}".encode() for name in names]
            lines |= {key: key + b"\n" for key in keys}
            rendering.owners.update(dict.fromkeys(keys, row.address))
            if assigned in rendering.needs:
                rendering.needs.update(dict.fromkeys(keys, rendering.needs[assigned]))
    return dict(sorted(lines.items()))


def _is_served(rendering: Rendering, row: MailboxRow | AliasRow) -> bool:
    return row.local in rendering.departed if row.removed else row.enabled
