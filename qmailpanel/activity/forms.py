"""The filter of the activity pages: it is read from the address."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.ledger.models import Verb
from qmailpanel.qmail import names
from qmailpanel.web.fields import PLAIN, PanelForm, ParsedField

NO_DAY = _("Enter a day as 2026-11-28.")
DAYS = [
    MinValueValidator(date(1970, 1, 1), message=NO_DAY),
    MaxValueValidator(date(2999, 12, 31), message=NO_DAY),
]
VERBS = [("", _("anything")), *Verb.choices]


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        required=False,
        label=label,
        input_formats=["%Y-%m-%d"],
        validators=DAYS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": NO_DAY},
    )


def _place(text: str) -> str:
    """A domain, or an address of one. Raises InvalidName."""
    return names.MailAddress(text.lower()) if "@" in text else names.DomainName(text)


class FilterForm(PanelForm):
    """What is looked for; a domain's own page asks for no domain."""

    domain = ParsedField(
        _place,
        required=False,
        label=_("Domain or address"),
        widget=forms.TextInput(attrs={**PLAIN, "data-find": True}),
    )
    person = forms.CharField(
        required=False,
        max_length=320,
        label=_("Person"),
        widget=forms.TextInput(attrs=PLAIN),
    )
    verb = forms.ChoiceField(
        required=False,
        label=_("What was done"),
        choices=VERBS,
        error_messages={"invalid_choice": _("Choose one of the list.")},
    )
    since = _day(_("From day"))
    until = _day(_("To day"))

    def __init__(self, data: Any, *, of_domain: bool) -> None:
        super().__init__(data)
        days = gettext("A day in the time of %(zone)s.") % {
            "zone": timezone.get_current_timezone_name()
        }
        self.fields["since"].help_text = self.fields["until"].help_text = days
        if of_domain:
            del self.fields["domain"]
            self.fields["person"].widget.attrs["data-find"] = True

    def clean_person(self) -> str:
        """As names stand in the ledger."""
        local, at, host = self.cleaned_data["person"].lower().rpartition("@")
        return f"{local}{at}{names.stored_of(host)}"

    def clean(self) -> dict[str, Any]:
        wanted = self.cleaned_data
        since, until = wanted.get("since"), wanted.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        return wanted

    @property
    def query(self) -> str:
        """What was asked for, as it stands in an address: only what is filled in, "" for all."""
        return urlencode({name: value for name, value in self.cleaned_data.items() if value})
