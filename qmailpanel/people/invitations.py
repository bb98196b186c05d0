"""Inviting somebody by e-mail address, and accepting."""

from __future__ import annotations

import logging
import secrets
import smtplib
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import (
    NONE,
    NotAllowed,
    Right,
    Rights,
    in_order,
    read_rights,
    require,
    require_operator,
    rights_of,
)
from qmailpanel.domains.models import Domain, Grant, Invitation
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.qmail.names import DomainName, InvalidName, MailAddress

from .grants import give, refuse_more, refuse_none

LIFETIME = timedelta(days=7)
MOST = 30  # invitations of one person in an hour
GONE = _("Who invited you may no longer do so. Ask for another invitation.")

logger = logging.getLogger(__name__)


@ledger_locked()
def invite(actor: Actor, email: str, domain: Domain, rights: Rights) -> tuple[Invitation, str]:
    """The invitation to look after a domain, and its link: the one place to read that.

    An older invitation of the same person to the same domain no longer works.
    """
    refuse_more(actor, domain, refuse_none(rights))
    if domain.removed:
        raise Refused(_("%(name)s is removed. Restore it first."), name=domain.name)
    email = _read_email(email)
    if Grant.objects.filter(user__email__iexact=email, domain=domain).exists():
        raise Refused(
            _("%(email)s looks after %(domain)s already. Change the rights instead."),
            "email",
            email=email,
            domain=domain.name,
        )
    return _create(actor, email, domain, rights)


@ledger_locked()
def invite_operator(actor: Actor, email: str) -> tuple[Invitation, str]:
    """The invitation to run this host, and its link."""
    require_operator(actor)
    email = _read_email(email)
    if User.objects.filter(email__iexact=email, is_operator=True, is_active=True).exists():
        raise Refused(_("%(email)s is an operator already."), "email", email=email)
    _refuse_shared(email)
    return _create(actor, email, None, NONE)


def _refuse_shared(email: str) -> None:
    """Others may lead the mail of this address elsewhere already."""
    name = email.rpartition("@")[2]
    if Grant.objects.filter(domain__names__name=name, domain__names__claims=True).exists():
        raise Refused(
            _(
                "Others look after the mail of %(name)s. Invite another address, or make the "
                "operator on the host: ./manage.py operator"
            ),
            "email",
            name=name,
        )


def _read_email(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
        local, _at, host = email.rpartition("@")
        return MailAddress(f"{local}@{DomainName(host)}")
    except (ValidationError, InvalidName):
        raise Refused(_("Enter an e-mail address, as name@example.org."), "email") from None


def _create(
    actor: Actor, email: str, domain: Domain | None, rights: Rights
) -> tuple[Invitation, str]:
    _refuse_flood(actor)
    token = secrets.token_urlsafe(32)
    Invitation.objects.filter(email=email, domain=domain).delete()
    invitation = Invitation.objects.create(
        email=email,
        domain=domain,
        rights=in_order(rights),
        digest=_digest(token),
        expires=timezone.now() + LIFETIME,
        by=actor.name,
        inviter_id=actor.user_id,
    )
    _say(actor, Verb.INVITED, invitation, {"rights": in_order(rights)})
    # in the query, which neither Django nor the proxy of deploy/nginx writes to a log
    query = urlencode({"token": token})
    return invitation, f"{settings.QMAILPANEL_BASE_URL}{reverse('people:accept')}?{query}"


def _refuse_flood(actor: Actor) -> None:
    """Each invitation is a mail that somebody else gets."""
    since = timezone.now() - timedelta(hours=1)
    sent = Change.objects.filter(actor=actor.user_id, verb=Verb.INVITED, at__gt=since)
    if actor.user_id is not None and sent.count() >= MOST:
        raise Refused(_("You invited many people. Go on in an hour."), "email")


def _say(actor: Actor, verb: Verb, invitation: Invitation, after: dict[str, object]) -> None:
    domain = invitation.domain_id
    record(actor, verb, Noun.INVITATION, invitation.email, domain=domain, before={}, after=after)


def send(invitation: Invitation, link: str) -> bool:
    """By mail. Whether a mail server took it."""
    context = {"invitation": invitation, "link": link, "host": settings.QMAILPANEL_BASE_URL}
    lines = render_to_string("people/invitation.txt", context).strip().split("\n", 1)
    message = EmailMessage(subject=lines[0], body=lines[1].strip() + "\n", to=[invitation.email])
    try:
        return bool(message.send())
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("The mail server took no invitation (see EMAIL_URL): %s", error)
        return False


@ledger_locked()
def withdraw(actor: Actor, invitation: Invitation) -> None:
    """The link no longer works."""
    if invitation.domain is None:
        require_operator(actor)
    else:
        require(actor, invitation.domain, Right.GRANTING)
    if Invitation.objects.filter(pk=invitation.pk).delete()[0]:
        domain = invitation.domain_id
        record(actor, Verb.REMOVED, Noun.INVITATION, invitation.email, domain=domain)


def find_invitation(token: str) -> Invitation | None:
    """The invitation of a link, unless it was used, withdrawn or came too late."""
    found = Invitation.objects.select_related("domain").filter(digest=_digest(token)).first()
    return None if found is None or found.is_over else found


def find_invited(invitation: Invitation) -> User | None:
    """Who has an account under the invited address."""
    return User.objects.filter(email__iexact=invitation.email).first()


def accept(actor: Actor, token: str, password: str = "") -> User:
    """The link is used up, and the person has what it offers; a new one gets this password.

    Raises Refused where the link no longer works, or where somebody else is signed in.
    """
    hashed = make_password(password) if password else ""  # slow, so before the lock
    with ledger_locked():
        invitation = find_invitation(token)
        if invitation is None:
            raise Refused(_("This invitation was used, withdrawn or is too old. Ask for another."))
        user = find_invited(invitation)
        if user is None and hashed:
            user = User.objects.create(email=invitation.email, password=hashed)
        elif user is None or actor.user_id != user.pk:
            raise NotAllowed(_("Sign in as %(email)s first."), email=invitation.email)
        _enter(Actor(user.pk, str(user), actor.ip), user, invitation)
        invitation.delete()
    return user


def _enter(actor: Actor, user: User, invitation: Invitation) -> None:
    _say(actor, Verb.ACCEPTED, invitation, {"by": invitation.by})
    if invitation.domain is None:
        _refuse_orphan(invitation)
        if not user.is_factor_overdue:
            user.since = timezone.now()
        user.is_operator = True
        user.save(update_fields=["is_operator", "since"])
        return
    give(actor, user, invitation.domain, _still_offered(invitation))


def _refuse_orphan(invitation: Invitation) -> None:
    """Only who still runs the host gives it to another one."""
    inviter = invitation.inviter
    if inviter and not (inviter.is_active and inviter.is_operator):
        raise Refused(GONE)


def _still_offered(invitation: Invitation) -> Rights:
    """What the inviter may still grant: who lost rights since no longer gives them away."""
    offered = read_rights(invitation.rights)
    if invitation.inviter is None or invitation.domain is None:
        return offered
    left = rights_of(invitation.inviter, invitation.domain)
    if Right.GRANTING not in left or not offered & left:
        raise Refused(GONE)
    return offered & left


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
