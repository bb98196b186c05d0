"""Links with which an owner sets the first password, or the next one: each works once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_sign_in
from qmailpanel.domains.access.rights import NotAllowed, Right, require
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import log, stamp
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.mailboxes.models import Mailbox, PasswordLink
from qmailpanel.mailboxes.owners import end_sessions
from qmailpanel.qmail.names import InvalidName
from qmailpanel.qmail.secrets.passwords import hash_password

LIFETIME = timedelta(days=7)


@ledger_locked()
def offer_link(actor: Actor, address: Address) -> str:
    """A new link for the owner; an older one of the mailbox no longer works."""
    addresses.editable(actor, address, Right.PASSWORDS)
    guard_sign_in(actor, address.domain, address.local)
    token = secrets.token_urlsafe(32)
    PasswordLink.objects.update_or_create(
        mailbox=Mailbox.objects.get(address=address),
        defaults={
            "digest": _digest(token),
            "expires": timezone.now() + LIFETIME,
            "by_id": actor.user_id,
        },
    )
    record(
        actor,
        Verb.INVITED,
        Noun.MAILBOX,
        str(address),
        domain=address.domain_id,
        address=address.pk,
    )
    # in the query, which neither Django nor the proxy of deploy/nginx writes to a log
    query = urlencode({"token": token})
    return f"{settings.QMAILPANEL_BASE_URL}{reverse('mailboxes:welcome')}?{query}"


def find_link(token: str) -> PasswordLink | None:
    """The link of a token, unless it was used, replaced, came too late, or is offered no more."""
    found = PasswordLink.objects.select_related("mailbox__address__domain", "by").filter(
        digest=_digest(token),
        expires__gt=timezone.now(),
        mailbox__address__removed=False,
        mailbox__address__domain__removed=False,
    )
    link = found.first()
    return link if link and _is_offered(link) else None


def _is_offered(link: PasswordLink) -> bool:
    """Whether whoever made it may still set the password: who lost that right gives none away."""
    address = link.mailbox.address
    actor = Actor(link.by.pk, str(link.by), None) if link.by else SYSTEM
    try:
        require(actor, address.domain, Right.PASSWORDS)
        guard_sign_in(actor, address.domain, address.local)
    except NotAllowed:
        return False
    return True


def use_link(ip: str | None, token: str, password: str) -> Mailbox:
    """The link is used up, and the mailbox has this password. Raises Refused where it is not."""
    try:
        hashed = hash_password(password)  # slow, so before the lock
    except InvalidName as error:
        raise Refused(error.template, "password", **error.params) from error
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
        stamp(log(actor, Verb.PASSWORD, address, before={}, after={}), address)
    return mailbox


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
