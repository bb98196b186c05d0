"""What people type about addresses of either kind."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.forms import KeepForm
from qmailpanel.qmail import names
from qmailpanel.web.fields import PLAIN, LocalField


class RenameAddressForm(KeepForm):
    local = LocalField(
        names.LocalPart,
        label=_("New name"),
        widget=forms.TextInput(attrs=PLAIN),
        error_messages={"required": _("Enter the part before the @.")},
    )
    keep = forms.BooleanField(
        label=_("Keep the old address as an alias"), required=False, initial=True
    )
