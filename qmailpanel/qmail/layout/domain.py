"""Rows → what one domain is on this host: the seed's layout, corrected.

    virtualdomains          pandle.net:100, a line like it for each alias domain, and for all names
                            below them .pandle.net:100; rcpthosts likewise
                            old.test:100-.left: a removed alias domain, see leaving.py
    users/assign            =100-biliards:popuser:110:31:<mail root>/pandle.net/biliards:::
                            =100-bilardi:…the same home: an alias of one mailbox of the domain
                            +100-:popuser:110:31:<mail root>/pandle.net:-::
    pandle.net/.qmail-info  &address lines: every other alias
    pandle.net/.qmail-default   unknown recipients

Address extensions (`john-x`, `john+x`) are off: nothing here makes a wildcard for a mailbox.
See qmail-users(5) and dot-qmail(5).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.logins import Logins
from qmailpanel.qmail.layout.declared import as_name, check_row
from qmailpanel.qmail.layout.home import render_departed, render_home
from qmailpanel.qmail.layout.leaving import read_names, render_refusal
from qmailpanel.qmail.layout.lines import render_lines
from qmailpanel.qmail.layout.logins import render_login
from qmailpanel.qmail.layout.rendering import Rendering
from qmailpanel.qmail.layout.rows import AliasRow, DepartedRow, DomainRows, Layout, MailboxRow
from qmailpanel.qmail.names import (
    AliasLocal,
    DomainName,
    InvalidName,
    LocalPart,
    MailAddress,
    ReplyText,
)
from qmailpanel.qmail.plan.parts import cut
from qmailpanel.qmail.plan.state import Home, Section, Wanted, archive_path, empty_section

NO_MAILBOX = ReplyText("No such mailbox here. (#5.1.1)")
ALIAS_OFF = ReplyText("This address is switched off. (#5.1.1)")
DOMAIN_OFF = ReplyText("This domain is switched off. (#5.1.2)")


def render_domain(rows: DomainRows, layout: Layout) -> Wanted:
    """What the database wants of one domain. Rows with text that cannot be rendered are Problems.

    Raises InvalidName when the domain's own name, texts or numbers cannot be rendered.
    """
    check_row(rows, beside=("alias_domains", "refused", "departed"))
    rendering = Rendering(layout, DomainName(rows.name), rows.prepend)
    for mailbox in rows.mailboxes:
        rendering.attempt(mailbox, partial(_render_mailbox, rendering, mailbox, rows))
    for alias in rows.aliases:
        rendering.attempt(alias, partial(_render_alias, rendering, alias, rows))
    section, logins = empty_section(rows.prepend), Logins()
    if not rows.removed:
        names = [rendering.name, *read_names(rendering, rows.alias_domains)]
        logins = Logins(tuple(names), rendering.logins, rows.part)
        section = _render_section(rendering, rows, names)
    rendering.owners |= {archive_path(mailbox): row for mailbox, row in rows.purged.items()}
    return Wanted(
        domain=rows.domain,
        name=rendering.name,
        change=rows.change,
        section=section,
        owners=rendering.owners,
        needs=rendering.needs,
        archive=rendering.archive,
        purge=frozenset(rows.purged),
        nameless=rows.nameless,
        known=None if rows.removed or not rows.enabled else frozenset(_locals(rows)),
        problems=tuple(rendering.problems),
        former=rows.former,
        logins=logins,
    )


def _locals(rows: DomainRows) -> Iterable[str]:
    yield ""  # the wildcard
    yield from (row.local for row in rows.mailboxes)
    yield from (row.local for row in rows.aliases)


def _render_section(rendering: Rendering, rows: DomainRows, names: list[DomainName]) -> Section:
    _render_delivery(rendering, rows)
    refused = read_names(rendering, rows.refused)
    if refused:
        render_refusal(rendering)
    section = Section(
        prepend=rows.prepend,
        lines=render_lines(rendering, rows, names, refused),
        files=rendering.files,
        homes=rendering.homes,
        logins=tuple(names),
    )
    return cut(section, rows.part)


def _render_mailbox(rendering: Rendering, row: MailboxRow, rows: DomainRows) -> None:
    layout, local = rendering.layout, LocalPart(as_name(row.local))
    path = f"{rendering.name}/{local}"
    rendering.owners[path] = rendering.owners[f"{path}/.qmail"] = row.address
    rendering.owners[rendering.key(local)] = row.address
    check_row(row)
    if row.removed or rows.removed:
        rendering.archive[path] = row.mailbox
        return
    rendering.homes[path] = Home(
        mailbox=row.mailbox,
        dot_qmail=render_home(layout, row, rows),
        storage=row.quota,
        messages=row.messages,
    )
    home = f"{layout.mail_root}/{path}"
    rendering.logins[path] = render_login(row.login, local, home, layout.mail_user)
    if rows.enabled:
        rendering.add_home_assignment(local, path)


def _render_delivery(rendering: Rendering, rows: DomainRows) -> None:
    rendering.add_assignment("+", "", rendering.name, dash="-")
    default = f"{rendering.name}/{dotqmail.file_name('default')}"
    rendering.files[default] = _render_unknown(rendering.layout, rows)
    if not rows.enabled:
        return
    for row in rows.mailboxes:
        if row.removed and rows.departed:
            render = partial(_render_departed, rendering, row, rows.departed, rows)
            rendering.attempt(row, render)


def _render_unknown(layout: Layout, rows: DomainRows) -> bytes:
    if not rows.enabled:
        return dotqmail.render_bounce(layout.bouncesaying, DOMAIN_OFF)
    match rows.unknown:
        case "discard":
            return dotqmail.render_discard()
        case "mailbox" if not _is_taken(rows, rows.unknown_target.rpartition("@")[0].lower()):
            return dotqmail.render_bounce(layout.bouncesaying, NO_MAILBOX)
        case "forward" | "mailbox":
            return dotqmail.render_forwards([MailAddress(rows.unknown_target)])
    text = ReplyText(rows.unknown_text) if rows.unknown_text else NO_MAILBOX
    return dotqmail.render_bounce(layout.bouncesaying, text)


def _is_taken(rows: DomainRows, local: str) -> bool:
    """Somebody takes its mail; else it would come back to unknown recipients."""
    mailboxes = (box.local for box in rows.mailboxes if rows.departed or not box.removed)
    aliases = (alias.local for alias in rows.aliases if not alias.removed)
    return local in {*mailboxes, *aliases}


def _render_alias(rendering: Rendering, row: AliasRow, rows: DomainRows) -> None:
    local = AliasLocal(as_name(row.local))
    path = f"{rendering.name}/{dotqmail.file_name(local)}"
    rendering.owners[path] = rendering.owners[rendering.key(local)] = row.address
    check_row(row)
    if row.removed or rows.removed or not rows.enabled:
        return
    home = _own_home(rendering, row)
    if home is not None:
        rendering.add_home_assignment(local, home)
    elif row.enabled:
        targets = [MailAddress(text) for text in row.destinations]
        rendering.files[path] = dotqmail.render_forwards(targets)
    else:
        rendering.files[path] = dotqmail.render_bounce(rendering.layout.bouncesaying, ALIAS_OFF)


def _own_home(rendering: Rendering, row: AliasRow) -> str | None:
    """The home of the one mailbox of the domain that a live alias delivers to, if that is all."""
    if not row.enabled or len(row.destinations) != 1:
        return None
    local, _, domain = row.destinations[0].rpartition("@")
    path = f"{rendering.name}/{local}"
    return path if domain == rendering.name and path in rendering.homes else None


def _render_departed(
    rendering: Rendering, row: MailboxRow, departed: DepartedRow, rows: DomainRows
) -> None:
    """The file that takes the place of a removed mailbox."""
    try:
        local = AliasLocal(as_name(row.local))
    except InvalidName:
        return  # `default` and the like: a file of that name is for others
    path = f"{rendering.name}/{dotqmail.file_name(local)}"
    rendering.owners[path] = row.address
    check_row(departed)
    content = render_departed(rendering.layout, local, departed, rows)
    if content:
        rendering.files[path] = content
        rendering.departed.add(local)
