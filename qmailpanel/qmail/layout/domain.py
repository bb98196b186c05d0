"""Rows → what one domain is on this host: the seed's layout, corrected.

    virtualdomains          pandle.net:100, a line like it for each alias domain, and for all names
                            below them .pandle.net:100; rcpthosts likewise
    users/assign            =100-biliards:popuser:110:31:<mail root>/pandle.net/biliards:::
                            =100-bilardi:…the same home: an alias of one mailbox of the domain
                            +100-:popuser:110:31:<mail root>/pandle.net:-::
    pandle.net/.qmail-info  &address lines: every other alias
    pandle.net/.qmail-default   unknown recipients

Address extensions (`john-x`, `john+x`) are off: nothing here makes a wildcard for a mailbox.
See qmail-users(5) and dot-qmail(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from qmailpanel.qmail.formats import control, dotqmail
from qmailpanel.qmail.formats.assign import Assignment, Sign
from qmailpanel.qmail.formats.logins import Logins, Record
from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.layout.home import render_home, render_left
from qmailpanel.qmail.layout.logins import render_login
from qmailpanel.qmail.layout.rows import (
    AliasRow,
    DomainRows,
    Layout,
    MailboxRow,
    ResponderRow,
)
from qmailpanel.qmail.names import (
    AliasLocal,
    DomainName,
    InvalidName,
    LocalPart,
    MailAddress,
    ReplyText,
)
from qmailpanel.qmail.plan.state import Home, Problem, Section, Wanted, archive_path, empty_section

NO_MAILBOX = ReplyText("No such mailbox here. (#5.1.1)")
ALIAS_OFF = ReplyText("This address is switched off. (#5.1.1)")
DOMAIN_OFF = ReplyText("This domain is switched off. (#5.1.2)")
UNWRITABLE = "This address cannot be written for the mail server. What is live of it stays."

UNWRITABLE_NAME = "An alias domain cannot be written for the mail server."


@dataclass
class _Draft:
    """The section of one domain while it is rendered."""

    layout: Layout
    name: DomainName
    prepend: int
    assign: dict[bytes, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    homes: dict[str, Home] = field(default_factory=dict)
    logins: dict[str, tuple[Record, ...]] = field(default_factory=dict)
    archive: dict[str, int] = field(default_factory=dict)
    owners: dict[bytes | str, int] = field(default_factory=dict)
    needs: dict[bytes, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def key(self, local: str) -> bytes:
        return f"={self.prepend}-{local}".encode()

    def add_assignment(self, sign: Sign, local: str, path: str, dash: str = "") -> bytes:
        user = self.layout.mail_user
        line = Assignment(
            sign=sign,
            local=f"{self.prepend}-{local}",
            user=user.name,
            uid=user.uid,
            gid=user.gid,
            home=f"{self.layout.mail_root}/{path}",
            dash=dash,
            ext="",
        )
        self.assign[line.key] = line.line
        return line.key


def render_domain(rows: DomainRows, layout: Layout) -> Wanted:
    """What the database wants of one domain. Rows with text that cannot be rendered are Problems.

    Raises InvalidName when the domain's own name or texts cannot be rendered.
    """
    draft = _Draft(layout, DomainName(rows.name), rows.prepend)
    for mailbox in rows.mailboxes:
        _guard(draft, mailbox, partial(_render_mailbox, draft, mailbox, rows))
    if rows.removed:
        section, logins = empty_section(rows.prepend), Logins()
    else:
        _render_delivery(draft, rows)
        names = _names(draft, rows)
        lines, logins = _lines(draft, rows, names), Logins(tuple(names), draft.logins)
        section = Section(rows.prepend, lines, draft.files, draft.homes, logins.names)
    draft.owners |= {archive_path(mailbox): row for mailbox, row in rows.purged.items()}
    everything = rows.removed or not rows.enabled
    return Wanted(
        domain=rows.domain,
        name=draft.name,
        change=rows.change,
        section=section,
        owners=draft.owners,
        needs=draft.needs,
        archive=draft.archive,
        purge=frozenset(rows.purged),
        known=None if everything else frozenset(_locals(rows)),
        problems=tuple(draft.problems),
        former=rows.former,
        logins=logins,
    )


def _guard(draft: _Draft, row: MailboxRow | AliasRow, render: Callable[[], None]) -> None:
    """One row that cannot be rendered fails its own address, not its domain."""
    try:
        render()
    except InvalidName as error:
        draft.problems.append(Problem(UNWRITABLE, str(error), row.address))


def _locals(rows: DomainRows) -> Iterable[str]:
    yield ""  # the wildcard
    yield from (row.local for row in rows.mailboxes)
    yield from (row.local for row in rows.aliases)


def _render_mailbox(draft: _Draft, row: MailboxRow, rows: DomainRows) -> None:
    local = LocalPart(row.local)
    path = f"{draft.name}/{local}"
    draft.owners[path] = draft.owners[f"{path}/.qmail"] = row.address
    draft.owners[draft.key(local)] = row.address
    if row.removed or rows.removed:
        draft.archive[path] = row.mailbox
        return
    instructions = render_home(draft.layout, row, rows)
    draft.homes[path] = Home(row.mailbox, instructions, row.quota, row.messages)
    home = f"{draft.layout.mail_root}/{path}"
    draft.logins[path] = render_login(row.login, local, home, draft.layout.mail_user)
    if rows.enabled:
        _assign_home(draft, local, path)


def _assign_home(draft: _Draft, local: LocalPart, path: str) -> None:
    draft.needs[draft.add_assignment("=", local, path)] = path


def _render_delivery(draft: _Draft, rows: DomainRows) -> None:
    draft.add_assignment("+", "", draft.name, dash="-")
    default = f"{draft.name}/{dotqmail.file_name('default')}"
    draft.files[default] = _render_unknown(draft.layout, rows)
    if not rows.enabled:
        return
    for alias in rows.aliases:
        if not alias.removed:
            _guard(draft, alias, partial(_render_alias, draft, alias))
    for row in rows.mailboxes:
        if row.removed and rows.responder:
            _guard(draft, row, partial(_render_left, draft, row, rows.responder, rows))


def _render_unknown(layout: Layout, rows: DomainRows) -> bytes:
    if not rows.enabled:
        return dotqmail.render_bounce(layout.bouncesaying, DOMAIN_OFF)
    match rows.unknown:
        case "discard":
            return dotqmail.render_discard()
        case "forward" | "mailbox":
            return dotqmail.render_forwards([MailAddress(rows.unknown_target)])
    text = ReplyText(rows.unknown_text) if rows.unknown_text else NO_MAILBOX
    return dotqmail.render_bounce(layout.bouncesaying, text)


def _render_alias(draft: _Draft, row: AliasRow) -> None:
    local = AliasLocal(row.local)
    path = f"{draft.name}/{dotqmail.file_name(local)}"
    draft.owners[path] = draft.owners[draft.key(local)] = row.address
    home = _own_home(draft, row)
    if home is not None:
        _assign_home(draft, local, home)
        return
    if not row.enabled:
        draft.files[path] = dotqmail.render_bounce(draft.layout.bouncesaying, ALIAS_OFF)
        return
    targets = [MailAddress(text) for text in row.destinations]
    draft.files[path] = dotqmail.render_forwards(targets)


def _render_left(draft: _Draft, row: MailboxRow, said: ResponderRow, rows: DomainRows) -> None:
    try:
        local = AliasLocal(row.local)
    except InvalidName:
        return  # `default` and the like: a file of that name is for others
    path = f"{draft.name}/{dotqmail.file_name(local)}"
    draft.owners[path] = row.address
    text = render_left(draft.layout, local, said, rows)
    if text:
        draft.files[path] = text


def _own_home(draft: _Draft, row: AliasRow) -> str | None:
    """The home of the one mailbox of the domain that a live alias delivers to, if that is all."""
    if not row.enabled or len(row.destinations) != 1:
        return None
    local, _, domain = row.destinations[0].rpartition("@")
    path = f"{draft.name}/{local}"
    return path if domain == draft.name and path in draft.homes else None


def _lines(
    draft: _Draft, rows: DomainRows, names: Sequence[DomainName]
) -> dict[Shared, dict[bytes, bytes]]:
    assign = dict(sorted(draft.assign.items()))
    if not rows.enabled:
        return {Shared.ASSIGN: assign}
    spellings = [(name, below) for below in (False, True)[: 1 + rows.subdomains] for name in names]
    virtual = [control.render_virtual(n, draft.prepend, below=below) for n, below in spellings]
    hosts = [control.render_host(name, below=below) for name, below in spellings]
    lines = {
        Shared.ASSIGN: assign,
        Shared.VIRTUAL: keyed(Shared.VIRTUAL, virtual),
        Shared.MORE if rows.more else Shared.RCPT: keyed(Shared.RCPT, hosts),
    }
    if draft.layout.nonexist and rows.unknown == "bounce":
        lines[Shared.NONEXIST] = keyed(Shared.NONEXIST, hosts[: len(names)])
    if draft.layout.lists:
        lines |= dict.fromkeys(draft.layout.lists, _recipients(draft, rows, names))
    return lines


def _recipients(draft: _Draft, rows: DomainRows, names: Sequence[DomainName]) -> dict[bytes, bytes]:
    """Who is known: everybody at a name, `@pandle.net`, or the addresses one by one."""
    if rows.unknown != "refuse":
        return keyed(Shared.VALID, [f"@{name}\n".encode() for name in names])
    found = dict[bytes, bytes]()
    addresses: list[MailboxRow | AliasRow] = [*rows.mailboxes, *rows.aliases]
    for row in addresses:
        own = draft.key(row.local)
        if _is_served(draft, row) and own in draft.owners:
            keys = [f"{row.local}@{name}".encode() for name in names]
            found |= {key: key + b"\n" for key in keys}
            draft.owners.update(dict.fromkeys(keys, row.address))
            if own in draft.needs:
                draft.needs.update(dict.fromkeys(keys, draft.needs[own]))
    return dict(sorted(found.items()))


def _is_served(draft: _Draft, row: MailboxRow | AliasRow) -> bool:
    if not row.removed:
        return row.enabled
    return f"{draft.name}/.qmail-{row.local.replace('.', ':')}" in draft.files


def _names(draft: _Draft, rows: DomainRows) -> list[DomainName]:
    """Its own name and those of its alias domains."""
    names = [draft.name]
    for text in rows.alias_domains:
        try:
            names.append(DomainName(text))
        except InvalidName as error:
            draft.problems.append(Problem(UNWRITABLE_NAME, str(error), name=text))
    return names
