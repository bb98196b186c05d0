"""What people type about domains."""

from __future__ import annotations

from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from qmailpanel.qmail import names
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, LocalField, PanelForm, ParsedField

from .models import Domain, OwnItem, Unknown


class AddDomainForm(PanelForm):
    name = ParsedField(
        names.DomainName,
        label=_("New domain"),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "example.org", "data-new": True}),
        error_messages={"required": _("Enter a domain name, as example.org.")},
    )
    contact = ParsedField(
        names.MailAddress,
        label=_("Postmaster and abuse mail to"),
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "email"}),
        error_messages={"required": _("Every domain answers to postmaster. Enter an address.")},
    )
    later = forms.BooleanField(label=_("I add this mailbox next"), required=False)
    asks_for_later = False  # the box is shown only to who needs it

    def clean(self) -> None:
        """Mail to a contact in the new domain bounces until there is a mailbox."""
        contact, is_later = self.cleaned_data.get("contact"), self.cleaned_data.pop("later", False)
        self.asks_for_later = bool(contact and contact.domain == self.cleaned_data.get("name"))
        if self.asks_for_later and not is_later:
            message = _("%(contact)s has no mailbox yet, and until then mail to it bounces.")
            self.add_error("contact", message % {"contact": contact})


class KeepForm(PanelForm):
    """Another name; the old one goes on, or not."""

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, auto_id="rename_%s", **options)


class RenameDomainForm(KeepForm):
    name = ParsedField(
        names.DomainName,
        label=_("New name"),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "example.com"}),
        error_messages={"required": _("Enter a domain name, as example.com.")},
    )
    keep = forms.BooleanField(
        label=_("Keep the old name as an alias domain"), required=False, initial=True
    )


class DescriptionForm(EditForm):
    """What a domain is for."""

    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=200,
        help_text=_("Everybody who looks after the domain reads it; mailbox owners do not."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    @classmethod
    def says(cls, row: Domain) -> dict[str, Any]:
        return {"description": row.description}


class UnknownForm(EditForm):
    """What happens to mail for unknown recipients."""

    unknown = forms.ChoiceField(choices=Unknown.choices, widget=forms.RadioSelect)
    unknown_text = ParsedField(
        names.ReplyText,
        label=_("Text of the bounce"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    forward = ParsedField(
        names.MailAddress,
        label=_("Address"),
        required=False,
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "email"}),
    )
    mailbox = LocalField(
        names.LocalPart, label=_("Mailbox"), required=False, widget=forms.TextInput(attrs=PLAIN)
    )

    @classmethod
    def says(cls, row: Domain) -> dict[str, Any]:
        is_mailbox = row.unknown == Unknown.MAILBOX
        return {
            "unknown": row.unknown,
            "unknown_text": row.unknown_text,
            "forward": "" if is_mailbox else row.unknown_target,
            "mailbox": row.unknown_target.rpartition("@")[0] if is_mailbox else "",
        }

    @classmethod
    def of(cls, row: Domain, data: Any = None, **options: Any) -> Self:
        return super().of(row, data, **options).within(row.name)

    def field_of(self, field: str) -> str:
        return self.target_field if field == "unknown_target" else field

    @property
    def target_field(self) -> str:
        return "mailbox" if self.cleaned_data.get("unknown") == Unknown.MAILBOX else "forward"

    @property
    def unknown_target(self) -> str:
        return str(self.cleaned_data.get(self.target_field) or "")

    def clean(self) -> None:
        """What belongs to a choice that was not made is not looked at."""
        details = {"bounce": "unknown_text", "forward": "forward", "mailbox": "mailbox"}
        details.pop(self.cleaned_data.get("unknown", ""), None)
        for name in details.values():
            self.errors.pop(name, None)
        self._focus()


class OwnersForm(EditForm):
    """What the owners of mailboxes find on their pages: a box for each item, ticked or not."""

    ids = "own_%s"
    items = forms.MultipleChoiceField(
        label=_("Owners may see"),
        choices=OwnItem.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    @classmethod
    def says(cls, row: Domain) -> dict[str, Any]:
        return {"items": [item for item in OwnItem.values if item not in row.withheld]}

    @property
    def withheld(self) -> list[str]:
        return [item for item in OwnItem.values if item not in self.cleaned_data["items"]]


class RemoveDomainForm(PanelForm):
    """A domain that holds mailboxes goes only if its name is typed."""

    typed = forms.CharField(
        required=False, widget=forms.TextInput(attrs={**PLAIN, "autofocus": True})
    )

    def __init__(self, data: Any = None, *, domain: Domain, holds_mail: bool) -> None:
        super().__init__(data)
        self.domain, self.holds_mail = domain, holds_mail
        self.fields["typed"].label = _("Type %(name)s to confirm") % {"name": domain.name}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"].strip()
        if self.holds_mail and names.stored_of(typed) != self.domain.name:
            message = _("That is not the name. Type %(name)s to remove it.")
            raise forms.ValidationError(message % {"name": self.domain.name})
        return typed
