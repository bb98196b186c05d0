"""Links that work once: the token stands in the link, and its hash in the database."""

from __future__ import annotations

import secrets
from hashlib import sha256

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode


def make_token() -> str:
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def link_to(route: str, token: str) -> str:
    """The address of that page with the token: the one place to read it.

    It stands in the query, which neither Django nor the proxy of deploy/nginx writes to a log.
    """
    return f"{settings.QMAILPANEL_BASE_URL}{reverse(route)}?{urlencode({'token': token})}"
