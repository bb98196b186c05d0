"""Accepting an invitation: all that its link offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib.auth.hashers import make_password
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.accounts.sessions import end_all_sessions
from qmailpanel.accounts.tokens import digest_of
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import NotAllowed, Rights, read_rights
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked

from .granting import Granting
from .grants import give
from .invitations import record_invitations

GONE = _("Who invited you may no longer do so. Ask for another invitation.")


def find_invitations(token: str) -> list[Invitation]:
    """What a link offers, in order of the domains; nothing once it was used or came too late."""
    found = Invitation.objects.select_related("domain", "inviter").filter(digest=digest_of(token))
    return [one for one in found.order_by("domain__name") if not one.is_over]


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
        invitations = find_invitations(token)
        if not invitations:
            raise Refused(_("This invitation was used, withdrawn or is too old. Ask for another."))
        user = find_invited(invitations[0])
        if user is None and hashed:
            user = User.objects.create(email=invitations[0].email, password=hashed)
        elif user is None or actor.user_id != user.pk:
            raise NotAllowed(_("Sign in as %(email)s first."), email=invitations[0].email)
        _give_offered(Actor(user.pk, str(user), actor.ip), user, invitations)
        Invitation.objects.filter(digest=digest_of(token)).delete()
    return user


def _give_offered(actor: Actor, user: User, invitations: Sequence[Invitation]) -> None:
    email = invitations[0].email
    said: dict[str, object] = {"by": invitations[0].by}
    if invitations[0].domain is None:
        _refuse_orphan(invitations[0])
        record_invitations(actor, Verb.ACCEPTED, email, [None], said)
        _make_operator(user)
        return
    offered = _still_offered(invitations)
    kept = {domain.pk for domain in offered}
    keys = [one.domain_id for one in invitations]
    record_invitations(actor, Verb.ACCEPTED, email, [key for key in keys if key in kept], said)
    record_invitations(actor, Verb.REMOVED, email, [key for key in keys if key not in kept], said)
    give(actor, user, offered, by=invitations[0].by)


def _make_operator(user: User) -> None:
    if not user.is_factor_overdue:
        user.since = timezone.now()
    end_all_sessions(user)
    user.is_operator = True
    user.save(update_fields=["is_operator", "since"])


def _refuse_orphan(invitation: Invitation) -> None:
    """Raises Refused where whoever invited runs the host no longer."""
    inviter = invitation.inviter
    if inviter and not (inviter.is_active and inviter.is_operator):
        raise Refused(GONE)


def _still_offered(invitations: Sequence[Invitation]) -> Mapping[Domain, Rights]:
    """What the inviter may still grant, where that is anything."""
    inviter = invitations[0].inviter
    granting = Granting(inviter)
    kept = {
        one.domain: read_rights(one.rights) & granting.rights(one.domain)
        for one in invitations
        if one.domain and (inviter is None or inviter.is_active)
    }
    offered = {domain: rights for domain, rights in kept.items() if rights}
    if not offered:
        raise Refused(GONE)
    return offered
