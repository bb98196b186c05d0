"""Operators, the links that sign them in once, and what the ledger says of signing in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from qmailpanel.ledger.actors import COMMAND, Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.qmail.names import InvalidName, MailAddress

from .factors import reset_factors
from .models import SignInLink, User
from .tokens import digest_of, link_to, make_token

LINK_LIFETIME = timedelta(minutes=15)


def addresses_of(users: Iterable[User]) -> Iterator[MailAddress]:
    """Theirs, but for those to which no mail could be forwarded."""
    for user in users:
        with contextlib.suppress(InvalidName):
            yield MailAddress(user.email)


def operators() -> QuerySet[User]:
    """Those who may sign in, the first one first."""
    return User.objects.filter(is_operator=True, is_active=True).order_by("id")


def add_operator(email: str) -> User:
    """Find or create the operator with this address; a new one has no password yet.

    Nor has one who was somebody else here before, because who made that account is not known.
    Who becomes an operator has as long as a new person to add a second factor.
    """
    with ledger_locked():
        user = User.objects.filter(email__iexact=email).first() or User(email=email.lower())
        if user.is_operator and user.is_active:
            return user
        if user.pk is not None:
            reset_factors(user)
        user.set_unusable_password()
        verb = Verb.SWITCHED_ON if user.is_operator else Verb.GRANTED
        if not user.is_operator:
            user.since = timezone.now()
        user.is_operator = user.is_active = True
        user.save()
        record(COMMAND, verb, Noun.PERSON, str(user))
    return user


@transaction.atomic
def make_sign_in_link(user: User) -> str:
    """An address that signs this person in once; older ones no longer do.

    Only the hash of its token is kept, so this return value is the one place to read it.
    """
    token, expires = make_token(), timezone.now() + LINK_LIFETIME
    SignInLink.objects.filter(user=user).delete()
    SignInLink.objects.create(user=user, digest=digest_of(token), expires=expires)
    return link_to("accounts:sign_in_by_link", token)


def find_link_user(token: str) -> User | None:
    """Whom the link would sign in, without using it up."""
    link = SignInLink.objects.select_related("user").filter(digest=digest_of(token)).first()
    if link is None or link.expires <= timezone.now() or not link.user.is_active:
        return None
    return link.user


def use_sign_in_link(token: str) -> User | None:
    """Whom the link signs in; used up by the one caller whose DELETE finds the row."""
    user = find_link_user(token)
    deleted, _ = SignInLink.objects.filter(digest=digest_of(token)).delete()
    return user if deleted else None


def set_password(user: User, password: str, *, ip: str | None = None) -> None:
    """The person's own password for the panel; all sessions that began with another one end."""
    with ledger_locked():
        user.set_password(password)
        user.save(update_fields=["password"])
        actor = Actor(user.pk, str(user), ip)
        record(actor, Verb.PASSWORD, Noun.PERSON, str(user))


def record_signed_in(request: HttpRequest, methods: list[str]) -> None:
    """Write into the ledger who signed in just now, and by what."""
    actor = Actor.of(request)
    with ledger_locked():
        record(actor, Verb.SIGNED_IN, Noun.PERSON, actor.name, after={"by": methods})


def record_refused(request: HttpRequest, email: str, *, by: str = "password") -> None:
    """Write into the ledger that somebody was not let in.

    What was typed is noted only if it is an address: it may be a password in the wrong field.
    """
    known = Actor.of(request)
    actor = known if known.user_id else Actor(None, "somebody", known.ip)
    with ledger_locked():
        record(actor, Verb.REFUSED, Noun.PERSON, _address(email), after={"by": [by]})


def _address(typed: str) -> str:
    try:
        validate_email(typed)
    except ValidationError:
        return ""
    return typed[:254]
