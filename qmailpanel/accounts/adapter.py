"""How allauth behaves here: nobody signs up, and no answer tells who exists."""

from __future__ import annotations

import base64
import logging
import secrets
import smtplib
from hashlib import sha256
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.internal.ratelimit import get_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .models import User
from .services import record_refused, record_signed_in, set_password
from .sessions import methods_of

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """People are invited; there is no sign-up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("Address and password do not go together."),
        "too_many_login_attempts": _("Too many failed tries. Try again in five minutes."),
        "incorrect_password": _("That is not your password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's name
        return False

    def is_safe_url(self, url: str) -> bool:
        """Within the panel: other names of this machine are other sites."""
        hosts = {context.request.get_host()}
        return url_has_allowed_host_and_scheme(
            url, hosts, require_https=context.request.is_secure()
        )

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Failing to send looks the same as sending: the answer must not tell who exists."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, smtplib.SMTPException):
            logger.exception("The mail server did not take a message (see EMAIL_URL).")

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Whoever reads an operator's mail must not run the host, so operators get none.

        Sent beside the answer, whose time must not tell who exists either.
        """
        if user.is_operator:
            return
        message = self.render_mail("account/email/password_reset_key", email, context)
        Thread(target=_send, args=[message]).start()

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Below the base URL, whatever host the request names."""
        user, _dash, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": token})
        return f"{settings.QMAILPANEL_BASE_URL}{path}"

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways to show that it is still the same person, in the panel's words."""
        words = {
            "reauthenticate": gettext("Use your password"),
            "mfa_reauthenticate": gettext("Use a code"),
            "mfa_reauthenticate:webauthn": gettext("Use a passkey"),
        }
        ways = super().get_reauthentication_methods(user)
        return [way | {"description": words[way["id"]]} for way in ways if _is_possible(way["id"])]

    def get_login_stages(self) -> list[str]:
        ours = {
            "allauth.mfa.stages.AuthenticateStage": "qmailpanel.accounts.second_step.SecondStep"
        }
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Whoever guesses elsewhere must not lock out the person who knows the password."""
        return f"{credentials.get('email', '').lower()} {get_ip(request)}"

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        record_refused(request, credentials.get("email", ""))

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        record_signed_in(request, methods_of(request))

    def set_password(self, user: User, password: str) -> None:
        set_password(user, password, ip=self.get_client_ip(self.request))


def _is_possible(way: str) -> bool:
    return "webauthn" not in way or "webauthn" in settings.MFA_SUPPORTED_TYPES


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except (OSError, smtplib.SMTPException):
        logger.exception("The mail server did not take a message (see EMAIL_URL).")


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Second factors: encrypted in the database, and bound to the base URL."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("That code is wrong, or was used already."),
    }

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Where it was encrypted with another key: a secret that nobody knows, so no code fits."""
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.warning("A second factor was encrypted with another factor-key.")
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002, ARG002 - allauth's names
        return gettext("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": urlsplit(settings.QMAILPANEL_BASE_URL).hostname or "", "name": "qmailpanel"}


def _fernet() -> Fernet:
    digest = sha256(settings.QMAILPANEL_FACTOR_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
