"""What happens to a message in the home of a mailbox: the content of its .qmail.

    |/var/qmail/bin/preline -f /usr/sbin/deliverquota ./Maildir    or plainly ./Maildir/
    &bilardi@example.org                                           where it is forwarded to
    |… mailbot …                                                   what answers by itself

In this order: what fails before the copy is there makes qmail try again without a second copy, and
what answers can neither stop mail nor have it tried again. See dot-qmail(5).
"""

from __future__ import annotations

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.reply import Reply, ReplyBody, render_reply
from qmailpanel.qmail.layout.rows import DomainRows, Layout, MailboxRow, ReplyRow, ResponderRow
from qmailpanel.qmail.names import AliasLocal, MailAddress, ReplyText

ON_HOLD = ReplyText("This mailbox is on hold; mail waits for it. (#4.2.1)")
LEFT_DATABASE = ".replied-"  # with the local part: whom it was answered for
MAILBOX_OFF = ReplyText("This mailbox is switched off. (#5.2.1)")


def render_left(layout: Layout, local: AliasLocal, said: ResponderRow, rows: DomainRows) -> bytes:
    """The dot-qmail file of somebody who left: forwarded, answered, and kept nowhere.

    Empty where neither is to be done here. Raises InvalidName.
    """
    forwarded = dotqmail.render_forwards([MailAddress(said.target)]) if said.target else b""
    if layout.answering is None:
        return forwarded
    names = (rows.name, *rows.alias_domains)
    reply = _reply(said.reply, tuple(MailAddress(f"{local}@{name}") for name in names))
    file = dotqmail.file_name(local)
    return forwarded + render_reply(layout.answering, reply, file, f"{LEFT_DATABASE}{local}")


def render_home(layout: Layout, row: MailboxRow, rows: DomainRows) -> bytes:
    """The .qmail of a mailbox that is not removed. Raises InvalidName."""
    said = ReplyText(row.refusal) if row.refusal else None
    if not row.enabled:
        return dotqmail.render_bounce(layout.bouncesaying, said or MAILBOX_OFF)
    if row.on_hold:
        return dotqmail.render_hold(said or ON_HOLD)
    targets = [MailAddress(text) for text in row.destinations]
    kept = _maildir(layout, row) if row.keeps or not targets else b""
    forwarded = dotqmail.render_forwards(targets) if targets else b""
    return kept + forwarded + _answer(layout, row, rows)


def _maildir(layout: Layout, row: MailboxRow) -> bytes:
    if row.is_limited and layout.deliverquota:
        return dotqmail.render_limited(layout.preline, layout.deliverquota)
    return dotqmail.render_mailbox()


def _answer(layout: Layout, row: MailboxRow, rows: DomainRows) -> bytes:
    programs = layout.answering
    if row.reply is None or programs is None:
        return b""
    return render_reply(programs, _reply(row.reply, _own(row, rows)), ".qmail", ".replied")


def _reply(said: ReplyRow, own: tuple[MailAddress, ...]) -> Reply:
    """From the first of its own addresses."""
    subject, body = ReplyText(said.subject), ReplyBody(said.text)
    return Reply(own[0], subject, body, said.days, own)


def _own(row: MailboxRow, rows: DomainRows) -> tuple[MailAddress, ...]:
    """Its address under each name of the domain, and those that deliver to it."""
    names = (rows.name, *rows.alias_domains)
    itself = {f"{row.local}@{name}" for name in names}
    aliases = (one for one in rows.aliases if not one.removed)
    locals_ = [row.local, *(one.local for one in aliases if itself & {*one.destinations})]
    return tuple(MailAddress(f"{local}@{name}") for local in locals_ for name in names)
