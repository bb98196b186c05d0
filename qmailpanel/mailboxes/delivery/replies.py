"""What a mailbox answers by itself, and from which day through which."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Address, OwnItem
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused, parsed
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.mailboxes.owners import own_deed
from qmailpanel.qmail.formats.reply import ReplyBody
from qmailpanel.qmail.names import ReplyText

LONGEST = 365  # days between two answers to one sender


def reply_of(mailbox: Mailbox) -> AutoReply:
    """Its auto-reply; one that is off where none was ever written."""
    return AutoReply.objects.filter(mailbox=mailbox).first() or AutoReply(mailbox=mailbox, on=False)


def change_reply(
    actor: Actor,
    address: Address,
    *,
    on: bool,
    subject: str,
    text: str,
    first: date | None,
    last: date | None,
    days: int,
) -> Address:
    """Another auto-reply, by the people who look after the domain."""
    with deed(actor, address, Right.ADDRESSES) as act:
        act.guard.address(address.local)
        wanted = _read_reply(on=on, subject=subject, text=text, first=first, last=last, days=days)
        _write_reply(act, address.mailbox, wanted)
    return address


def change_own_reply(
    actor: Actor,
    mailbox: Mailbox,
    *,
    on: bool,
    subject: str,
    text: str,
    first: date | None,
    last: date | None,
    days: int,
) -> Address:
    """Another auto-reply, by the owner."""
    with own_deed(actor, mailbox, OwnItem.AUTO_REPLY) as act:
        wanted = _read_reply(on=on, subject=subject, text=text, first=first, last=last, days=days)
        _write_reply(act, mailbox, wanted)
    return mailbox.address


def turn_replies(today: date) -> int:
    """Start those whose first day has come, end those whose last is over. Returns how many."""
    begins = Q(on=True) & (Q(first=None) | Q(first__lte=today))
    due = begins & (Q(last=None) | Q(last__gte=today))
    there = Q(mailbox__address__removed=False, mailbox__address__domain__removed=False)
    turned = AutoReply.objects.filter(there).filter(Q(running=False) & due | Q(running=True) & ~due)
    if not turned.exists():
        return 0
    with ledger_locked():
        rows = list(turned.select_related("mailbox__address__domain").order_by("pk"))
        for reply in rows:
            _turn_reply(reply)
    return len(rows)


def _turn_reply(reply: AutoReply) -> None:
    reply.running = not reply.running
    reply.save(update_fields=["running"])
    verb = Verb.SWITCHED_ON if reply.running else Verb.SWITCHED_OFF
    Deed(SYSTEM, reply.mailbox.address).record(verb, noun=Noun.AUTO_REPLY)


def _read_reply(
    *, on: bool, subject: str, text: str, first: date | None, last: date | None, days: int
) -> dict[str, Any]:
    if first and last and last < first:
        raise Refused(_("The last day is before the first."), "last")
    if not 1 <= days <= LONGEST:
        raise Refused(_("Enter a number of days from 1 to %(most)d."), "days", most=LONGEST)
    typed = {"subject": subject.strip(), "text": text.strip()}
    if on or any(typed.values()):
        typed["subject"] = str(parsed(ReplyText, subject, "subject"))
        typed["text"] = str(parsed(ReplyBody, text, "text"))
    return {"on": on, **typed, "first": first, "last": last, "days": days}


def _write_reply(act: Deed, mailbox: Mailbox, wanted: dict[str, Any]) -> None:
    reply = reply_of(mailbox)
    reply.running = _is_due(_today(), **wanted)
    act.change(reply, Verb.CHANGED, Noun.AUTO_REPLY, **wanted)
    if mailbox.replies != reply.on:
        mailbox.replies = reply.on
        mailbox.save(update_fields=["replies"])


def _today() -> date:
    """The host's, whatever day it is where whoever asks is: the host begins and ends the reply."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def _is_due(today: date, *, on: bool, first: date | None, last: date | None, **_more: Any) -> bool:
    return on and (first is None or first <= today) and (last is None or last >= today)
