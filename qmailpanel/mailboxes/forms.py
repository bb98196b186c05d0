"""What people type about mailboxes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.forms import PLAIN, PanelForm, ParsedField, SizeField
from qmailpanel.domains.models import Domain
from qmailpanel.qmail import names
from qmailpanel.qmail.passwd import weakness

from .models import Mailbox
from .suggest import suggest_password
from .switches import SWITCHES

MOST_MESSAGES = 10**9


class GuardedForm(PanelForm):
    """A form with a password that is kept while it is not yet good, and can be suggested."""

    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=True),
    )

    def __init__(self, data: Any = None, *, words: tuple[str, ...] = ()) -> None:
        super().__init__(data)
        self.words = words

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        why = weakness(password, self.words) if password else None
        if why:
            sentence = _("%(why)s Choose a longer one or let the panel suggest one.")
            raise forms.ValidationError(sentence % {"why": gettext(why)})
        return password

    @classmethod
    def suggesting(cls, typed: dict[str, str]) -> GuardedForm:
        """The form with a new password to be seen and copied; nothing is saved yet."""
        form = cls()
        form.initial = {**typed, "password": suggest_password()}
        form.fields["password"].widget = forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono", "autofocus": True}
        )
        form.fields["password"].help_text = gettext("Copy it now: it is not shown again.")
        return form


class AddMailboxForm(GuardedForm):
    local = ParsedField(
        names.LocalPart,
        label=_("New mailbox"),
        widget=forms.TextInput(attrs={**PLAIN, "data-new": True}),
        error_messages={"required": _("Enter the part before the @.")},
    )
    field_order = ("local", "password")


class NextPasswordForm(GuardedForm):
    """A password there must be."""

    def clean_password(self) -> str:
        if not self.cleaned_data["password"]:
            raise forms.ValidationError(_("Enter a password, or let the panel suggest one."))
        return super().clean_password()


class PasswordForm(NextPasswordForm):
    """The password of somebody else's mailbox."""

    must_change = forms.BooleanField(
        label=_("The owner must choose another one"),
        required=False,
        help_text=_("Until then it opens the panel, and no mail program."),
    )


class SwitchesForm(PanelForm):
    """What the password opens."""

    imap = forms.BooleanField(label=_("IMAP: mail programs read it"), required=False)
    pop3 = forms.BooleanField(label=_("POP3: mail programs fetch it"), required=False)
    sending = forms.BooleanField(label=_("Sending: mail programs send as it"), required=False)
    panel = forms.BooleanField(label=_("This panel: the owner signs in here"), required=False)

    @classmethod
    def of(cls, mailbox: Mailbox) -> SwitchesForm:
        return cls(initial={name: getattr(mailbox, name) for name in SWITCHES})


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


class QuotaForm(PanelForm):
    """Blank is no limit."""

    quota = SizeField(
        blank=0, label=_("Quota"), help_text=_("As 500 MB or 2 GB; nothing for no limit.")
    )
    messages = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_MESSAGES,
        label=_("Messages"),
        help_text=_("How many it may hold; nothing for no limit."),
        widget=forms.NumberInput(attrs={**PLAIN, "placeholder": _("no limit")}),
    )

    def clean_messages(self) -> int:
        return self.cleaned_data["messages"] or 0


class RestoreForm(PanelForm):
    """A removed mailbox comes back under another name."""

    local = ParsedField(
        names.LocalPart,
        label=_("New name"),
        widget=forms.TextInput(attrs=PLAIN),
        error_messages={"required": _("Enter the part before the @.")},
    )


class PurgeForm(PanelForm):
    """Mail is destroyed only if the address is typed."""

    typed = forms.CharField(
        required=False, widget=forms.TextInput(attrs={**PLAIN, "autofocus": True})
    )

    def __init__(self, data: Any = None, *, address: str) -> None:
        super().__init__(data)
        self.address = address
        self.fields["typed"].label = _("Type %(address)s to confirm") % {"address": address}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"].strip().lower()
        if typed != self.address:
            message = _("That is not the address. Type %(address)s to destroy its mail.")
            raise forms.ValidationError(message % {"address": self.address})
        return typed


class OwnPasswordForm(NextPasswordForm):
    """The owner's next password."""

    present = forms.CharField(
        label=_("Present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter the password you signed in with.")},
    )
    field_order = ("present", "password")


class MailboxForm(PanelForm):
    comment = forms.CharField(
        label=_("Comment"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    refusal = forms.CharField(
        label=_("Answer while on hold or switched off"),
        required=False,
        help_text=_("What senders are told; one line."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def words_of(domain: Domain, local: str = "") -> tuple[str, ...]:
    """What everybody knows about the owner of a mailbox."""
    return (local, domain.name, *domain.name.split("."))
