"""What a mailbox answers by itself, and from which day through which."""

from __future__ import annotations

from datetime import date

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_sign_in
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import stamp
from qmailpanel.domains.models import Address, OwnItem
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.mailboxes.owners import require_own
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.qmail.formats.reply import ReplyBody
from qmailpanel.qmail.names import InvalidName, ReplyText

LONGEST = 365  # days between two answers to one sender
FIELDS = ("on", "subject", "text", "first", "last", "days")


def reply_of(mailbox: Mailbox) -> AutoReply:
    """Its auto-reply; one that is off where none was ever written."""
    return AutoReply.objects.filter(mailbox=mailbox).first() or AutoReply(mailbox=mailbox, on=False)


@ledger_locked()
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
    addresses.editable(actor, address, Right.ADDRESSES)
    guard_sign_in(actor, address.domain, address.local)
    wanted = _settled(on=on, subject=subject, text=text, first=first, last=last, days=days)
    _write(actor, mailbox_of(address), wanted)
    return address


@ledger_locked()
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
    require_own(actor, mailbox, OwnItem.AUTO_REPLY)
    wanted = _settled(on=on, subject=subject, text=text, first=first, last=last, days=days)
    _write(actor, mailbox, wanted)
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
            _turn(reply)
    return len(rows)


def _turn(reply: AutoReply) -> None:
    reply.running = not reply.running
    reply.save(update_fields=["running"])
    verb = Verb.SWITCHED_ON if reply.running else Verb.SWITCHED_OFF
    _note(SYSTEM, verb, reply.mailbox.address, {}, {})


def _settled(
    *, on: bool, subject: str, text: str, first: date | None, last: date | None, days: int
) -> dict[str, object]:
    if first and last and last < first:
        raise Refused(_("The last day is before the first."), "last")
    if not 1 <= days <= LONGEST:
        raise Refused(_("Enter a number of days from 1 to %(most)d."), "days", most=LONGEST)
    said = {"subject": subject.strip(), "text": text.strip()}
    if on or any(said.values()):
        said = {"subject": _parsed(ReplyText, subject, "subject"), "text": _body(text)}
    return {"on": on, **said, "first": first, "last": last, "days": days}


def _body(text: str) -> str:
    return _parsed(ReplyBody, text, "text")


def _parsed(kind: type[ReplyText] | type[ReplyBody], text: str, field: str) -> str:
    try:
        return str(kind(text))
    except InvalidName as error:
        raise Refused(error.template, field, **error.params) from error


def _write(actor: Actor, mailbox: Mailbox, wanted: dict[str, object]) -> None:
    reply = reply_of(mailbox)
    before = {name: getattr(reply, name) for name in FIELDS}
    changed = [name for name in FIELDS if before[name] != wanted[name]]
    if not changed:
        return
    for name in changed:
        setattr(reply, name, wanted[name])
    reply.running = _is_due(reply, timezone.localdate())
    reply.save()
    _note(actor, Verb.CHANGED, mailbox.address, _shown(before, changed), _shown(wanted, changed))


def _note(
    actor: Actor,
    verb: Verb,
    address: Address,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    change = record(
        actor,
        verb,
        Noun.AUTO_REPLY,
        str(address),
        domain=address.domain_id,
        address=address.pk,
        before=before,
        after=after,
    )
    stamp(change, address)


def _shown(values: dict[str, object], changed: list[str]) -> dict[str, object]:
    """As the ledger keeps it."""
    named = {name: values[name] for name in changed}
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in named.items()}


def _is_due(reply: AutoReply, today: date) -> bool:
    has_begun = reply.first is None or reply.first <= today
    return reply.on and has_begun and (reply.last is None or reply.last >= today)
