"""The forms of signing in that are not allauth's, or not quite."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm, ResetPasswordForm, UserTokenForm
from allauth.core import context, ratelimit
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .factors import use_code
from .models import User
from .zones import zones_by_area

CODE = {
    "autocomplete": "one-time-code",
    "inputmode": "numeric",
    "autofocus": True,
    "maxlength": "20",
}


class NewPasswordForm(forms.Form):
    """One field: a password manager, not a second field, guards against a slip of the hand."""

    password = forms.CharField(
        label=_("Password"),
        help_text=_("A few words that do not belong together are easy to remember, hard to guess."),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password


class ZoneForm(forms.Form):
    """The time zone in which somebody is shown times."""

    zone = forms.ChoiceField(
        label=_("Times are shown in"),
        help_text=_("On every page, with the name of the zone. Exports have UTC."),
        required=False,
        error_messages={"invalid_choice": _("Choose one of the list.")},
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, initial={"zone": user.zone})
        hosts = gettext("That of this host: %(zone)s") % {"zone": settings.TIME_ZONE}
        field: Any = self.fields["zone"]
        field.choices = [("", hosts), ("UTC", "UTC"), *zones_by_area()]
        field.widget.attrs["data-zone"] = settings.TIME_ZONE


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types, here and below
    """Address and password, as the panel words them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label = _("E-mail address")
        login.error_messages |= {
            "required": _("Enter your e-mail address."),
            "invalid": _("That is not a whole address. Write name@example.org."),
        }
        password.error_messages["required"] = _("Enter your password.")
        password.help_text = ""
        for field in (login, password):
            field.widget.attrs.pop("placeholder", None)


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Whoever asks is answered alike. Five mails lately have links that work: no sixth is sent."""

    def save(self, request: HttpRequest, **more: Any) -> Any:
        email = self.cleaned_data["email"]
        if ratelimit.consume(request, action="reset_mail", key=email.lower()):
            super().save(request, **more)
        return email


class ResetLinkForm(UserTokenForm):  # type: ignore[misc]
    """A link that was mailed before its person became an operator works no more."""

    def _get_user(self, uidb36: str) -> User | None:
        user: User | None = super()._get_user(uidb36)
        is_good = user is not None and user.is_active and not user.is_operator
        return user if is_good else None


class ActivateCodesForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app. Until it is right the session keeps the secret, encrypted."""

    code = forms.CharField(label=_("Code that the app shows"), widget=forms.TextInput(attrs=CODE))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session = context.request.session
        kept = session.get(SECRET_SESSION_KEY)
        super().__init__(*args, **kwargs)
        is_new = self.secret != kept
        self.secret: str = self.secret if is_new else get_adapter().decrypt(kept)
        if is_new:
            session[SECRET_SESSION_KEY] = get_adapter().encrypt(self.secret)

    def clean_code(self) -> str:
        return _once(self.user, super().clean_code())


class _CodeForm(forms.Form):
    """A code of the app, which works once, or a recovery code."""

    user: User
    authenticator: Any
    code = forms.CharField(label=_("Code"), widget=forms.TextInput(attrs=CODE))

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]  # of allauth's form behind it
        is_of_app = self.authenticator.type == Authenticator.Type.TOTP
        return _once(self.user, code) if is_of_app else code


class SecondStepForm(_CodeForm, AuthenticateForm):  # type: ignore[misc]
    """The code after the password."""


class ConfirmByCodeForm(_CodeForm, ReauthenticateForm):  # type: ignore[misc]
    """The code before something dangerous."""


def _once(user: User, code: str) -> str:
    if not use_code(user, code):
        raise get_adapter().validation_error("incorrect_code")
    return code


# what fido2 raises at an answer that no browser would send, and allauth lets through
MADE_UP = (AttributeError, InvalidSignature, KeyError, TypeError, ValueError)


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A name to know it by, and whether it is enough for signing in."""

    name = forms.CharField(label=_("Name"), max_length=40, required=False)
    passwordless = forms.BooleanField(
        label=_("Sign in with this passkey alone"),
        help_text=_("It asks for your fingerprint, face or PIN, so no password is needed with it."),
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """An owner's is none instead of the password: who has that is decided by others too."""
        super().__init__(*args, **kwargs)
        if self.user.is_owner:
            del self.fields["passwordless"]

    def clean(self) -> Any:
        try:
            return super().clean()
        except MADE_UP:
            raise get_adapter().validation_error("incorrect_code") from None


class _Passkey:
    """An answer that is made up is one that does not fit; either is a refused sign-in."""

    user: User | None

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except MADE_UP:
            refusal = get_adapter().validation_error("incorrect_code")
        except forms.ValidationError as error:
            refusal = error
        if refusal.code == "incorrect_code":
            signals.authentication_failed.send(
                Authenticator, request=context.request, user=self.user, authenticator=None
            )
        raise refusal


class SignInByPasskeyForm(_Passkey, LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey instead of address and password."""


class SecondStepByPasskeyForm(_Passkey, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey after the password."""


class ConfirmByPasskeyForm(_Passkey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey before something dangerous."""
