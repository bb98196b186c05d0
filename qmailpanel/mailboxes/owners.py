"""Owners of mailboxes: they sign in with the address and its password, and have only that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.backend import Backend
from qmailpanel.accounts.models import User
from qmailpanel.domains.access.deed import Deed
from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.domains.changes import reread
from qmailpanel.domains.models import Kind, OwnItem
from qmailpanel.ledger.actors import Actor, Refused, parsed
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.qmail.names import stored_of
from qmailpanel.qmail.secrets.passwords import hash_password, verify_evenly, verify_password

from .models import Mailbox, PasswordLink


class MailboxBackend(Backend):
    """Signs in the owner of a mailbox. It takes as long whoever asks."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002 - django's name
        username: str | None = None,  # noqa: ARG002 - django's name
        password: str | None = None,
        email: str = "",
        **_more: Any,
    ) -> User | None:
        if not password:
            return None
        mailbox = find_mailbox(email)
        is_right = verify_evenly(password, mailbox.password if mailbox else "")
        return _let_in(email, mailbox.password) if is_right and mailbox else None


def _let_in(email: str, stored: str) -> User | None:
    """The owner, if the mailbox still has that password: checking it took its time."""
    with ledger_locked():
        mailbox = find_mailbox(email)
        is_same = mailbox is not None and mailbox.panel and stored and mailbox.password == stored
        return owner_of(mailbox) if mailbox and is_same else None


def find_mailbox(email: str) -> Mailbox | None:
    """The mailbox of that address, under any name of its domain."""
    local, _at, name = email.strip().lower().rpartition("@")
    mailboxes = Mailbox.objects.select_related("address__domain").filter(
        address__local=local,
        address__kind=Kind.MAILBOX,
        address__removed=False,
        address__domain__removed=False,
        address__domain__names__name=stored_of(name),
        address__domain__names__claims=True,
        address__domain__names__removed=False,
    )
    return mailboxes.first()


def owner_of(mailbox: Mailbox) -> User:
    """The row that signs in for the mailbox, made at the first time."""
    with ledger_locked():
        mailbox.refresh_from_db()
        owner, address = mailbox.owner or User(is_owner=True), str(mailbox.address)
        if owner.pk is None:
            owner.set_unusable_password()
        if owner.email != address:
            owner.email = address
            owner.save()
        if mailbox.owner_id is None:
            mailbox.owner = owner
            mailbox.save(update_fields=["owner"])
    return owner


def end_sessions(mailbox: Mailbox) -> None:
    """The owner's sessions: what a session was signed with is another one now."""
    if mailbox.owner:
        mailbox.owner.set_unusable_password()
        mailbox.owner.save(update_fields=["password"])


def set_own_password(actor: Actor, mailbox: Mailbox, *, present: str, password: str) -> User:
    """The owner's next password; all other sessions of the owner end."""
    stored = mailbox.password
    if not verify_password(present, stored):
        raise Refused(_("That is not the present password."), "present")
    hashed = parsed(hash_password, password, "password")
    with own_deed(actor, mailbox, OwnItem.PASSWORD) as act:
        owner = mailbox.owner
        if owner is None or mailbox.password != stored:
            raise NotAllowed(_("The password was changed meanwhile."))
        mailbox.password, mailbox.must_change = hashed, False
        mailbox.save(update_fields=["password", "must_change"])
        PasswordLink.objects.filter(mailbox=mailbox).delete()
        end_sessions(mailbox)
        act.record(Verb.PASSWORD)
    return owner


@contextmanager
def own_deed(actor: Actor, mailbox: Mailbox, item: OwnItem) -> Iterator[Deed]:
    """What an owner does to the mailbox, as `deed`: it is theirs now, and the domain allows it."""
    with ledger_locked():
        mailbox.refresh_from_db(from_queryset=Mailbox.objects.select_related("address", "owner"))
        reread(mailbox.address)
        _refuse_own(actor, mailbox, item)
        yield Deed(actor, mailbox.address)


def _refuse_own(actor: Actor, mailbox: Mailbox, item: OwnItem) -> None:
    """A password that must be changed may be changed even where passwords are withheld."""
    address, domain = mailbox.address, mailbox.address.domain
    is_gone = address.removed or domain.removed or not mailbox.panel
    if mailbox.owner_id is None or mailbox.owner_id != actor.user_id or is_gone:
        raise NotAllowed(_("This mailbox is no longer yours."))
    is_due = mailbox.must_change
    if is_due and item is not OwnItem.PASSWORD:
        raise NotAllowed(_("Choose a password of your own first."))
    if item in domain.withheld and not is_due:
        raise NotAllowed(_("Owners may not do that here. Ask whoever looks after the domain."))
