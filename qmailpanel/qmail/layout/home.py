"""What happens to a message in the home of a mailbox: the content of its .qmail.

    |/var/qmail/bin/preline -f /usr/sbin/deliverquota ./Maildir    or plainly ./Maildir/
    &bilardi@example.org                                           where it is forwarded to
    |… mailbot …                                                   what answers by itself

In this order: what fails before the copy is there makes qmail try again without a second copy, and
what answers can neither stop mail nor have it tried again. See dot-qmail(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import product

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.reply import Reply, ReplyBody, render_reply
from qmailpanel.qmail.layout.rows import DepartedRow, DomainRows, Layout, MailboxRow, ReplyRow
from qmailpanel.qmail.names import AliasLocal, InvalidName, MailAddress, ReplyText

ON_HOLD = ReplyText("This mailbox is on hold; mail waits for it. (#4.2.1)")
DEPARTED_DATABASE = ".replied-"  # with the local part: whom it was answered for
MAILBOX_OFF = ReplyText("This mailbox is switched off. (#5.2.1)")


def render_departed(layout: Layout, local: AliasLocal, row: DepartedRow, rows: DomainRows) -> bytes:
    """The dot-qmail file of somebody who left: forwarded, answered, and kept nowhere.

    Empty where neither is to be done here. Raises InvalidName.
    """
    forwarded = dotqmail.render_forwards([MailAddress(row.target)]) if row.target else b""
    if layout.answering is None:
        return forwarded
    names = (rows.name, *rows.alias_domains)
    reply = _reply(row.reply, _addresses([local], names))
    file = dotqmail.file_name(local)
    return forwarded + render_reply(layout.answering, reply, file, f"{DEPARTED_DATABASE}{local}")


def render_home(layout: Layout, row: MailboxRow, rows: DomainRows) -> bytes:
    """The .qmail of a mailbox that is not removed. Raises InvalidName."""
    refusal = ReplyText(row.refusal) if row.refusal else None
    if not row.enabled:
        return dotqmail.render_bounce(layout.bouncesaying, refusal or MAILBOX_OFF)
    if row.on_hold:
        return dotqmail.render_hold(refusal or ON_HOLD)
    targets = [MailAddress(text) for text in row.destinations]
    kept = _render_maildir(layout, row) if row.keeps or not targets else b""
    forwarded = dotqmail.render_forwards(targets) if targets else b""
    return kept + forwarded + _render_answer(layout, row, rows)


def _render_maildir(layout: Layout, row: MailboxRow) -> bytes:
    if row.is_limited and layout.deliverquota:
        return dotqmail.render_limited(layout.preline, layout.deliverquota)
    return dotqmail.render_mailbox()


def _render_answer(layout: Layout, row: MailboxRow, rows: DomainRows) -> bytes:
    programs = layout.answering
    if row.reply is None or programs is None:
        return b""
    reply = _reply(row.reply, _own_addresses(row, rows))
    return render_reply(programs, reply, ".qmail", ".replied")


def _reply(row: ReplyRow, own: tuple[MailAddress, ...]) -> Reply:
    """From the first of its own addresses."""
    return Reply(
        sender=own[0],
        subject=ReplyText(row.subject),
        body=ReplyBody(row.text),
        days=row.days,
        own=own,
    )


def _own_addresses(row: MailboxRow, rows: DomainRows) -> tuple[MailAddress, ...]:
    """Its address under each name of the domain, and those that deliver to it."""
    names = (rows.name, *rows.alias_domains)
    itself = {f"{row.local}@{name}" for name in names}
    aliases = (alias for alias in rows.aliases if alias.enabled and not alias.removed)
    locals_ = [row.local, *(alias.local for alias in aliases if itself & {*alias.destinations})]
    return _addresses(locals_, names)


def _addresses(locals_: Sequence[str], names: Sequence[str]) -> tuple[MailAddress, ...]:
    """All that can be written; of the others their own rows are told."""
    addresses = []
    for local, name in product(locals_, names):
        with suppress(InvalidName):
            addresses.append(MailAddress(f"{local}@{name}"))
    return tuple(addresses)
