"""What people type about the answer for people who left."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.models import model_to_dict
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Domain, Responder
from qmailpanel.qmail import names
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, CountField, ParsedField


class ResponderForm(EditForm):
    """What is answered for people who left."""

    ids = "left_%s"
    subject = forms.CharField(
        label=_("Subject"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Enter a subject.")},
    )
    text = forms.CharField(
        label=_("Text"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("Enter a text.")},
    )
    target = ParsedField(
        names.MailAddress,
        label=_("Their mail goes on to"),
        required=False,
        help_text=_("Empty: their mail is answered, and not kept."),
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "email"}),
    )
    days = CountField(
        label=_("Days until the same sender is answered again"),
        initial=7,
        sentence=_("Enter a number of days."),
        widget=forms.NumberInput(attrs=PLAIN),
    )

    @classmethod
    def says(cls, row: Domain) -> dict[str, Any]:
        responder = Responder.objects.filter(domain=row).first()
        return model_to_dict(responder) if responder else {}
