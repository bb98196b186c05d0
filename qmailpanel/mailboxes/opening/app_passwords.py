"""Passwords for one program each, beside the one that the owner knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.changes import one_line
from qmailpanel.domains.models import Address, OwnItem
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.mailboxes.owners import own_deed
from qmailpanel.qmail.secrets.passwords import hash_password

from .suggest import suggest_password

MOST, LONGEST = 20, 64
PROTOCOLS = ("imap", "pop3", "sending")


def add_app_password(
    actor: Actor, address: Address, *, name: str, imap: bool, pop3: bool, sending: bool
) -> tuple[AppPassword, str]:
    """A new one, and its text, which nobody can read again."""
    given = {"imap": imap, "pop3": pop3, "sending": sending}
    text = suggest_password()
    hashed = hash_password(text)
    with _passwords_deed(actor, address) as (act, mailbox):
        made = AppPassword.objects.create(
            mailbox=mailbox,
            name=_free_name(mailbox, name),
            password=hashed,
            mark=sha256(text.encode()).hexdigest(),
            created=timezone.now(),
            **_refuse_none(given),
        )
        protocols = [protocol for protocol in PROTOCOLS if given[protocol]]
        after = {"name": made.name, "protocols": protocols}
        act.record(Verb.ADDED, noun=Noun.APP_PASSWORD, after=after)
    return made, text


def remove_app_password(actor: Actor, address: Address, app_password: AppPassword) -> None:
    """The program that has it can no longer open the mailbox."""
    with _passwords_deed(actor, address) as (act, mailbox):
        gone, _each = AppPassword.objects.filter(mailbox=mailbox, pk=app_password.pk).delete()
        if gone:
            before = {"name": app_password.name}
            act.record(Verb.REMOVED, noun=Noun.APP_PASSWORD, before=before)


@contextmanager
def _passwords_deed(actor: Actor, address: Address) -> Iterator[tuple[Deed, Mailbox]]:
    """By the mailbox's owner, or by whoever may set its password."""
    own = Mailbox.objects.filter(address=address, owner=actor.user_id or 0).first()
    if own:
        with own_deed(actor, own, OwnItem.APP_PASSWORDS) as act:
            yield act, own
    else:
        with deed(actor, address, Right.PASSWORDS) as act:
            act.guard.address(address.local)
            yield act, address.mailbox


def _free_name(mailbox: Mailbox, text: str) -> str:
    name = one_line(text, "name")
    if not name or len(name) > LONGEST:
        raise Refused(_("Enter what it is for, as phone; at most 64 characters."), "name")
    if mailbox.app_passwords.filter(name=name).exists():
        raise Refused(_("There is one called %(name)s. Choose another name."), "name", name=name)
    if mailbox.app_passwords.count() >= MOST:
        raise Refused(_("There are %(most)d of them. Remove one first."), "name", most=MOST)
    return name


def _refuse_none(given: Mapping[str, bool]) -> Mapping[str, bool]:
    if not any(given.values()):
        raise Refused(_("Choose what it opens."), "imap")
    return given
