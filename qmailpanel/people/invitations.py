"""Inviting somebody by e-mail address, and accepting."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.accounts.sessions import end_all_sessions
from qmailpanel.accounts.tokens import digest_of, link_to, make_token
from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import (
    NONE,
    NotAllowed,
    Right,
    Rights,
    in_order,
    read_rights,
    rights_of,
)
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.domains.routes.hops import Routes
from qmailpanel.domains.routes.ours import Ours
from qmailpanel.environment.installed import command_name
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.qmail.names import DomainName, InvalidName, MailAddress
from qmailpanel.web.outside import talking_outside

from .grants import give, refuse_more, refuse_none

LIFETIME = timedelta(days=7)
MOST = 30  # invitations of one person in an hour
SHARED = _(
    "Mail to %(email)s arrives in %(name)s, which others look after. Invite another address, "
    "or make the operator on the host: %(command)s operator"
)
GONE = _("Who invited you may no longer do so. Ask for another invitation.")

logger = logging.getLogger(__name__)


def invite(actor: Actor, email: str, domain: Domain, rights: Rights) -> tuple[Invitation, str]:
    """The invitation to look after a domain, and its link: the one place to read that.

    An older invitation of the same person to the same domain no longer works.
    """
    with deed(actor, domain, Right.GRANTING) as act:
        refuse_more(act, refuse_none(rights))
        email = _read_email(email)
        if Grant.objects.filter(user__email__iexact=email, domain=domain).exists():
            raise Refused(
                _("%(email)s looks after %(domain)s already. Change the rights instead."),
                "email",
                email=email,
                domain=domain.name,
            )
        return _create_invitation(actor, email, domain, rights)


def invite_operator(actor: Actor, email: str) -> tuple[Invitation, str]:
    """The invitation to run this host, and its link."""
    with deed(actor, by_operator=True):
        email = _read_email(email)
        if User.objects.filter(email__iexact=email, is_operator=True, is_active=True).exists():
            raise Refused(_("%(email)s is an operator already."), "email", email=email)
        _refuse_shared(email)
        return _create_invitation(actor, email, None, NONE)


def _refuse_shared(email: str) -> None:
    """Others may lead the mail of this address elsewhere already."""
    ours = Ours()
    arrivals = Routes(ours).find_origins([email])
    domains = ours.read((place.rpartition("@")[2] for place in arrivals), removed=True)
    grant = Grant.objects.filter(domain__in=set(domains.values())).order_by("domain__name").first()
    if grant:
        words = {"email": email, "name": grant.domain.name, "command": command_name()}
        raise Refused(SHARED, "email", **words)


def _read_email(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
        local, _at, host = email.rpartition("@")
        return MailAddress(f"{local}@{DomainName(host)}")
    except (ValidationError, InvalidName):
        raise Refused(_("Enter an e-mail address, as name@example.org."), "email") from None


def _create_invitation(
    actor: Actor, email: str, domain: Domain | None, rights: Rights
) -> tuple[Invitation, str]:
    _refuse_flood(actor)
    token = make_token()
    Invitation.objects.filter(email=email, domain=domain).delete()
    invitation = Invitation.objects.create(
        email=email,
        domain=domain,
        rights=in_order(rights),
        digest=digest_of(token),
        expires=timezone.now() + LIFETIME,
        by=actor.name,
        inviter_id=actor.user_id,
    )
    _record_invitation(actor, Verb.INVITED, invitation, {"rights": in_order(rights)})
    return invitation, link_to("people:accept", token)


def _refuse_flood(actor: Actor) -> None:
    """Each invitation is a mail that somebody else gets."""
    since = timezone.now() - timedelta(hours=1)
    sent = Change.objects.filter(
        actor=actor.user_id, verb=Verb.INVITED, noun=Noun.INVITATION, at__gt=since
    )
    if actor.user_id is not None and sent.count() >= MOST:
        raise Refused(_("You invited many people. Go on in an hour."), "email")


def _record_invitation(
    actor: Actor, verb: Verb, invitation: Invitation, after: dict[str, object]
) -> None:
    domain = invitation.domain_id
    record(actor, verb, Noun.INVITATION, invitation.email, domain=domain, before={}, after=after)


def send(invitation: Invitation, link: str) -> bool:
    """By mail. Whether a mail server took it."""
    context = {"invitation": invitation, "link": link, "host": settings.QMAILPANEL_BASE_URL}
    lines = render_to_string("people/invitation.txt", context).strip().split("\n", 1)
    message = EmailMessage(subject=lines[0], body=lines[1].strip() + "\n", to=[invitation.email])
    try:
        with talking_outside():
            return bool(message.send())
    except (OSError, smtplib.SMTPException, Refused) as error:
        logger.warning("The mail server took no invitation (see EMAIL_URL): %s", error)
        return False


def withdraw(actor: Actor, invitation: Invitation) -> None:
    """The link no longer works."""
    with ledger_locked():
        act = Deed(actor, invitation.domain)
        if invitation.domain is None:
            act.require_operator()
        else:
            act.require(Right.GRANTING)
        if Invitation.objects.filter(pk=invitation.pk).delete()[0]:
            domain = invitation.domain_id
            record(actor, Verb.REMOVED, Noun.INVITATION, invitation.email, domain=domain)


def find_invitation(token: str) -> Invitation | None:
    """The invitation of a link, unless it was used, withdrawn or came too late."""
    invitations = Invitation.objects.select_related("domain").filter(digest=digest_of(token))
    invitation = invitations.first()
    return None if invitation is None or invitation.is_over else invitation


def find_invited(invitation: Invitation) -> User | None:
    """Who has an account under the invited address."""
    return User.objects.filter(email__iexact=invitation.email).first()


def accept(actor: Actor, token: str, password: str = "") -> User:
    """The link is used up, and the person has what it offers; a new one gets this password.

    Who becomes an operator signs in again: an older session may be somebody else's.
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
        _give_offered(Actor(user.pk, str(user), actor.ip), user, invitation)
        invitation.delete()
    return user


def _give_offered(actor: Actor, user: User, invitation: Invitation) -> None:
    _record_invitation(actor, Verb.ACCEPTED, invitation, {"by": invitation.by})
    if invitation.domain is None:
        _refuse_orphan(invitation)
        if not user.is_factor_overdue:
            user.since = timezone.now()
        end_all_sessions(user)
        user.is_operator = True
        user.save(update_fields=["is_operator", "since"])
        return
    give(actor, user, invitation.domain, _still_offered(invitation))


def _refuse_orphan(invitation: Invitation) -> None:
    """Raises Refused where whoever invited runs the host no longer."""
    inviter = invitation.inviter
    if inviter and not (inviter.is_active and inviter.is_operator):
        raise Refused(GONE)


def _still_offered(invitation: Invitation) -> Rights:
    """What the inviter may still grant."""
    offered = read_rights(invitation.rights)
    if invitation.inviter is None or invitation.domain is None:
        return offered
    kept = rights_of(invitation.inviter, invitation.domain)
    if Right.GRANTING not in kept or not offered & kept:
        raise Refused(GONE)
    return offered & kept
