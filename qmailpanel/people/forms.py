"""What people type about people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.forms import NewPasswordForm
from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import Preset, Right, Rights, in_order, preset_of, read_rights
from qmailpanel.domains.models import Claim, Domain, Grant
from qmailpanel.qmail import names
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import BETWEEN, MOST_WORDS, PLAIN, PanelForm, ParsedField

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
        error_messages={"required": _("Choose what the person may do.")},
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

    def field_of(self, field: str) -> str:
        return "email" if field == "domains" else field


class DomainNamesField(forms.CharField):
    """Names between blanks, commas or line breaks."""

    def clean(self, value: Any) -> Any:
        words = [word for word in BETWEEN.split(super().clean(value)) if word]
        if len(words) > MOST_WORDS:  # before any is parsed, which takes its time
            message = _("Enter at most %(most)d domains at once.")
            raise forms.ValidationError(message, params={"most": MOST_WORDS})
        return list(dict.fromkeys(map(self.parsed, words)))

    def parsed(self, word: str) -> names.DomainName:
        try:
            return names.DomainName(word)
        except names.InvalidName as error:
            why = gettext(error.template) % error.params
            raise forms.ValidationError(f"{word}: {why}" if word not in why else why) from error


class GrantForm(RightsForm):
    """Rights in domains of `user`, who grants them."""

    ids = "grant_%s"

    domains = DomainNamesField(
        label=_("Domains"),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 3, "placeholder": "example.org example.net"}),
        help_text=_("One or many, with blanks or line breaks between them."),
        error_messages={"required": _("Enter at least one domain, as example.org.")},
    )
    field_order: tuple[str, ...] = ("domains", "preset", "rights")

    def __init__(self, data: Any = None, *, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(data, auto_id=self.ids, **options)

    def clean_domains(self) -> list[Domain]:
        typed = self.cleaned_data["domains"]
        mine = Domain.objects.for_user(self.user).claiming()
        found = {domain.name: domain for domain in mine.filter(name__in=typed)}
        others = Claim.objects.for_user(self.user).aliases().filter(removed=False, name__in=typed)
        found |= {claim.name: claim.domain for claim in others.select_related("domain")}
        strange = [name for name in typed if name not in found]
        if strange:
            words = ", ".join(map(names.display_of, strange))
            message = _("You look after no domain of this name: %(names)s.")
            raise forms.ValidationError(message, params={"names": words})
        return [found[name] for name in typed]


class InviteManyForm(EmailForm, GrantForm):
    ids = "invite_%s"
    field_order = ("email", "domains", "preset", "rights")


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
