"""Forms of what opens a mailbox."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Address
from qmailpanel.mailboxes.opening.switches import SWITCHES
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PanelForm


class SwitchesForm(EditForm):
    """What the password opens."""

    ids = "opens_%s"
    names_who = True
    imap = forms.BooleanField(label=_("IMAP: mail programs read it"), required=False)
    pop3 = forms.BooleanField(label=_("POP3: mail programs fetch it"), required=False)
    sending = forms.BooleanField(label=_("Sending: mail programs send as it"), required=False)
    panel = forms.BooleanField(label=_("This panel: the owner signs in here"), required=False)

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        return {name: getattr(row.mailbox, name) for name in SWITCHES}


class AppPasswordForm(PanelForm):
    """A name, and what it opens."""

    name = forms.CharField(
        label=_("For"),
        help_text=_("As phone, or laptop: so that you know which one to remove."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Enter what it is for, as phone.")},
    )
    imap = forms.BooleanField(label=_("IMAP"), required=False, initial=True)
    pop3 = forms.BooleanField(label=_("POP3"), required=False)
    sending = forms.BooleanField(label=_("Sending"), required=False, initial=True)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="app_%s")
