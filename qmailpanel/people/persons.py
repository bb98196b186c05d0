"""Who has an account at all: only operators decide."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.accounts.sessions import end_all_sessions
from qmailpanel.domains.access.rights import NotAllowed, require_operator
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record


@ledger_locked()
def switch_person(actor: Actor, user: User, *, on: bool) -> User:
    """Off: the person's sessions end and it cannot sign in; its grants are kept."""
    _allow(actor, user)
    if user.is_active == on:
        return user
    _keep_one(user, loses=not on)
    user.is_active = on
    user.save(update_fields=["is_active"])
    if not on:
        end_all_sessions(user)
    verb = Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF
    record(actor, verb, Noun.PERSON, str(user))
    return user


@ledger_locked()
def demote(actor: Actor, user: User) -> User:
    """No longer an operator; grants of single domains are kept."""
    _allow(actor, user)
    if not user.is_operator:
        return user
    _keep_one(user, loses=True)
    user.is_operator = False
    user.save(update_fields=["is_operator"])
    said = {"operator": True}, {"operator": False}
    record(actor, Verb.CHANGED, Noun.PERSON, str(user), before=said[0], after=said[1])
    return user


def _allow(actor: Actor, user: User) -> None:
    require_operator(actor)
    user.refresh_from_db()
    if actor.user_id == user.pk:
        raise NotAllowed(_("Nobody does that to themselves. Ask another operator."))


def _keep_one(user: User, *, loses: bool) -> None:
    """A host has an operator."""
    others = User.objects.filter(is_operator=True, is_active=True).exclude(pk=user.pk)
    if loses and user.is_operator and not others.exists():
        raise Refused(_("%(name)s is the last operator of this host."), name=str(user))
