"""Operators, and the links that sign them in once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from qmailpanel.accounts.models import SignInLink, User

LINK_LIFETIME = timedelta(minutes=15)


@transaction.atomic
def add_operator(email: str) -> User:
    """Find or create the operator with this address; a new one has no password yet."""
    user = User.objects.filter(email__iexact=email).first() or User(email=email.lower())
    if user.pk is None:
        user.set_unusable_password()
    user.is_operator = user.is_active = True
    user.save()
    return user


@transaction.atomic
def make_sign_in_link(user: User) -> str:
    """An address that signs this person in once; older ones no longer do.

    Only the hash of its token is kept, so this return value is the one place to read it.
    """
    token = secrets.token_urlsafe(32)
    SignInLink.objects.filter(user=user).delete()
    SignInLink.objects.create(
        user=user, digest=_digest(token), expires=timezone.now() + LINK_LIFETIME
    )
    # in the query, which neither Django nor the web server writes to a log
    query = urlencode({"token": token})
    return f"{settings.QMAILPANEL_BASE_URL}{reverse('accounts:sign_in_by_link')}?{query}"


def find_link_user(token: str) -> User | None:
    """Whom the link would sign in, without using it up."""
    link = SignInLink.objects.select_related("user").filter(digest=_digest(token)).first()
    if link is None or link.expires <= timezone.now() or not link.user.is_active:
        return None
    return link.user


def use_sign_in_link(token: str) -> User | None:
    """Whom the link signs in; used up by the one caller whose DELETE finds the row."""
    user = find_link_user(token)
    deleted, _ = SignInLink.objects.filter(digest=_digest(token)).delete()
    return user if deleted else None


def set_password(user: User, password: str) -> None:
    """The person's own password for the panel; all its other sessions end."""
    user.set_password(password)
    user.save(update_fields=["password"])


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
