"""Forms of the owner's pages."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.mailboxes.forms import NextPasswordForm


class OwnPasswordForm(NextPasswordForm):
    """The owner's next password."""

    present = forms.CharField(
        label=_("Present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter the password you signed in with.")},
    )
    field_order = ("present", "password")
