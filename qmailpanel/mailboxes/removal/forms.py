"""Forms of what removes, restores and purges mailboxes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.qmail import names
from qmailpanel.web.fields import PLAIN, LocalField, PanelForm


class RestoreForm(PanelForm):
    """A removed mailbox comes back under another name."""

    local = LocalField(
        names.LocalPart,
        label=_("New name"),
        widget=forms.TextInput(attrs=PLAIN),
        error_messages={"required": _("Enter the part before the @.")},
    )


class PurgeForm(PanelForm):
    """Mail is purged only if the address is typed."""

    typed = forms.CharField(
        required=False, widget=forms.TextInput(attrs={**PLAIN, "autofocus": True})
    )

    def __init__(self, data: Any = None, *, address: str) -> None:
        super().__init__(data)
        self.address = address
        self.fields["typed"].label = _("Type %(address)s to confirm") % {"address": address}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"].strip().lower()
        local, at, host = typed.rpartition("@")
        if f"{local}{at}{names.stored_of(host)}" != self.address:
            message = _("That is not the address. Type %(address)s to purge its mail.")
            raise forms.ValidationError(message % {"address": self.address})
        return typed
