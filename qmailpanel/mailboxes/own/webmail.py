"""The next password of an owner, as webmail asks for it. See docs/roundcube.md."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.mailboxes.opening.suggest import known_words
from qmailpanel.mailboxes.owners import MailboxBackend, find_mailbox, set_own_password
from qmailpanel.qmail.secrets.passwords import weakness

WRONG = _("The address or the present password is not correct.")


def set_webmail_password(ip: str | None, *, login: str, present: str, password: str) -> None:
    """By whoever knows the address and the present password. Raises Refused."""
    owner = MailboxBackend().authenticate(None, email=login, password=present)
    mailbox = find_mailbox(login)
    if owner is None or mailbox is None:
        raise Refused(WRONG, "present")
    why = weakness(password, known_words(mailbox.address.domain, mailbox.address.local))
    if why:
        raise Refused(why, "password")
    set_own_password(Actor(owner.pk, str(owner), ip), mailbox, present=present, password=password)
