"""What people type about alias domains."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.qmail import names
from qmailpanel.web.fields import PLAIN, PanelForm, ParsedField


class AddAliasDomainForm(PanelForm):
    name = ParsedField(
        names.DomainName,
        label=_("New alias domain"),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "example.com"}),
        error_messages={"required": _("Enter a domain name, as example.com.")},
    )
