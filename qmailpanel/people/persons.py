"""Who has an account at all: only operators decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.accounts.sessions import end_all_sessions
from qmailpanel.domains.access.deed import deed
from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import record


def switch_person(actor: Actor, user: User, *, on: bool) -> User:
    """Off: the person's sessions end and it cannot sign in; its grants are kept."""
    with _persons_deed(actor, user):
        if user.is_active == on:
            return user
        _refuse_last_operator(user, loses=not on)
        user.is_active = on
        user.save(update_fields=["is_active"])
        if not on:
            end_all_sessions(user)
        record(actor, Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF, Noun.PERSON, str(user))
    return user


def demote(actor: Actor, user: User) -> User:
    """No longer an operator; grants of single domains are kept."""
    with _persons_deed(actor, user):
        if not user.is_operator:
            return user
        _refuse_last_operator(user, loses=True)
        user.is_operator = False
        user.save(update_fields=["is_operator"])
        before, after = {"operator": True}, {"operator": False}
        record(actor, Verb.CHANGED, Noun.PERSON, str(user), before=before, after=after)
    return user


@contextmanager
def _persons_deed(actor: Actor, user: User) -> Iterator[None]:
    """By an operator, to somebody else as they are now."""
    with deed(actor, by_operator=True):
        user.refresh_from_db()
        if actor.user_id == user.pk:
            raise NotAllowed(_("Nobody does that to themselves. Ask another operator."))
        yield


def _refuse_last_operator(user: User, *, loses: bool) -> None:
    """Raises Refused where nobody would run the host any more."""
    others = User.objects.filter(is_operator=True, is_active=True).exclude(pk=user.pk)
    if loses and user.is_operator and not others.exists():
        raise Refused(_("%(name)s is the last operator of this host."), name=str(user))
