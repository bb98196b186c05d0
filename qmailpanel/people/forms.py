"""What people type about people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.forms import NewPasswordForm
from qmailpanel.domains.access.rights import Preset, Right, Rights, in_order, preset_of, read_rights
from qmailpanel.domains.models import Grant
from qmailpanel.qmail import names
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, PanelForm, ParsedField

OWN = "own"
EMAIL = {**PLAIN, "inputmode": "email", "placeholder": "name@example.org"}


class EmailForm(PanelForm):
    """Whom to invite."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.TextInput(attrs=EMAIL),
        error_messages={
            "required": _("Enter an e-mail address, as name@example.org."),
            "invalid": _("Enter an e-mail address, as name@example.org."),
        },
    )


class RightsForm(EditForm):
    """A preset or a choice of rights, out of `mine`: those of whoever grants them."""

    preset = forms.ChoiceField(
        label=_("May do"),
        choices=[*Preset.choices, (OWN, _("A choice of these:"))],
        widget=forms.RadioSelect,
        initial=Preset.MAILBOXES,
    )
    rights = forms.MultipleChoiceField(
        choices=Right.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    @classmethod
    def says(cls, row: Grant) -> dict[str, Any]:
        rights = read_rights(row.rights)
        return {"preset": preset_of(rights) or OWN, "rights": in_order(rights)}

    def __init__(self, data: Any = None, *, mine: Rights, **options: Any) -> None:
        super().__init__(data, **options)
        presets = [(preset.value, preset.label) for preset in Preset if preset.rights <= mine]
        own = [(OWN, _("A choice of these:"))]
        self.fields["preset"].choices = presets + own  # type: ignore[attr-defined]
        offered = [(right.value, right.label) for right in Right if right in mine]
        self.fields["rights"].choices = offered  # type: ignore[attr-defined]

    @property
    def chosen(self) -> Rights:
        """What a good form asks for."""
        preset = self.cleaned_data["preset"]
        if preset == OWN:
            return read_rights(self.cleaned_data["rights"])
        return Preset(preset).rights


class InviteForm(EmailForm, RightsForm):
    field_order = ("email", "preset", "rights")


class AskForm(PanelForm):
    """A name that somebody asks for."""

    name = ParsedField(
        names.DomainName,
        label=_("Domain"),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "example.org", "data-new": True}),
        error_messages={"required": _("Enter a domain name, as example.org.")},
    )


class DeclineForm(PanelForm):
    why = ParsedField(
        names.ReplyText,
        label=_("Reason"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AcceptForm(NewPasswordForm):
    """The first password of somebody who was invited."""
