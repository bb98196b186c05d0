"""Links with which an owner sets the first password, or the next one: each works once."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.tokens import digest_of, link_to, make_token
from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.rights import NotAllowed, Right
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused, parsed
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.mailboxes.models import Mailbox, PasswordLink
from qmailpanel.mailboxes.owners import end_sessions
from qmailpanel.qmail.secrets.passwords import hash_password

LIFETIME = timedelta(days=7)


def offer_link(actor: Actor, address: Address) -> str:
    """A new link for the owner; an older one of the mailbox no longer works."""
    token = make_token()
    with deed(actor, address, Right.PASSWORDS) as act:
        act.guard.address(address.local)
        PasswordLink(
            mailbox=address.mailbox,
            digest=digest_of(token),
            expires=timezone.now() + LIFETIME,
            by_id=actor.user_id,
        ).save()
        record(
            actor,
            Verb.INVITED,
            Noun.MAILBOX,
            str(address),
            domain=address.domain_id,
            address=address.pk,
        )
    return link_to("mailboxes:welcome", token)


def find_link(token: str) -> PasswordLink | None:
    """The link of a token, unless it was used, replaced, came too late, or is offered no more."""
    links = PasswordLink.objects.select_related("mailbox__address__domain", "by").filter(
        digest=digest_of(token),
        expires__gt=timezone.now(),
        mailbox__address__removed=False,
        mailbox__address__domain__removed=False,
    )
    link = links.first()
    return link if link and _is_offered(link) else None


def _is_offered(link: PasswordLink) -> bool:
    """Whether whoever made it may still set the password."""
    address = link.mailbox.address
    actor = Actor(link.by.pk, str(link.by), None) if link.by else SYSTEM
    act = Deed(actor, address)
    try:
        act.require(Right.PASSWORDS)
        act.guard.address(address.local)
    except NotAllowed:
        return False
    return True


def use_link(ip: str | None, token: str, password: str) -> Mailbox:
    """The link is used up, and the mailbox has this password. Raises Refused where it is not."""
    hashed = parsed(hash_password, password, "password")  # slow, so before the lock
    with ledger_locked():
        link = find_link(token)
        if link is None:
            raise Refused(_("This link was used or is too old. Ask for another."))
        mailbox, address = link.mailbox, link.mailbox.address
        link.delete()
        mailbox.password, mailbox.must_change = hashed, False
        mailbox.save(update_fields=["password", "must_change"])
        mailbox.app_passwords.all().delete()
        end_sessions(mailbox)
        actor = Actor(mailbox.owner_id, str(address), ip)
        Deed(actor, address).record(Verb.PASSWORD)
    return mailbox
