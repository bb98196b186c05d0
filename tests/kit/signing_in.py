"""What the tests of signing in do in a browser."""

from __future__ import annotations

import re
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client
from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.accounts.services import set_password
from qmailpanel.ledger.models import Change

PASSWORD = "correct horse battery staple"
STEP = 30


def code_of(secret: str, at: float) -> str:
    """What an app shows at that second."""
    return str(format_hotp_value(hotp_value(secret, int(at) // STEP)))


def enrol(user: User, secret: str = "JBSWY3DPEHPK3PXP") -> str:
    """As if the person had set up an app with that secret."""
    TOTP.activate(user, secret)
    return secret


def type_password(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password}, **extra)


def confirm(client: Client, password: str = PASSWORD) -> Any:
    return client.post(reverse("account_reauthenticate"), {"password": password})


def signed_in_as(client: Client) -> str | None:
    user = client.get(reverse("account_login")).wsgi_request.user
    return user.email if user.is_authenticated else None


def secret_on(page: Any) -> str:
    """The secret that the page shows to be copied."""
    [secret] = re.findall(r"<output[^>]*>(\w+)</output>", page.content.decode())
    return str(secret)


def codes_on(page: Any) -> list[str]:
    return re.findall(r"<li><code>(\d+)</code></li>", page.content.decode())


def with_password(user: User) -> User:
    set_password(user, PASSWORD)
    return user


def kinds_of(user: User) -> set[str]:
    return set(Authenticator.objects.filter(user=user).values_list("type", flat=True))


def ledger() -> list[str]:
    """Every change, oldest first: who did what to what."""
    rows = Change.objects.order_by("id")
    return [f"{row.actor_name} {row.verb} {row.noun} {row.target}" for row in rows]


def text_of(page: str) -> str:
    """What one reads of it."""
    return re.sub(r"<[^>]*>", "", page)
