"""The form of the page that a new person's first visit leads to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.models import User


class ChoosePasswordForm(forms.Form):
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
