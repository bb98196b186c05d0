"""What people type about mailboxes."""

from __future__ import annotations

from typing import Any, Self

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.access.rights import Right, Rights
from qmailpanel.domains.models import Address, Domain
from qmailpanel.qmail import names
from qmailpanel.qmail.secrets.passwords import weakness
from qmailpanel.qmail.sizes import write_size
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, CountField, LocalField, PanelForm, SizeField

from .opening.suggest import suggest_password
from .quotas import default_of

MOST_MESSAGES = 10**9


class GuardedForm(PanelForm):
    """A form with a password that is kept while it is not yet good, and can be suggested."""

    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=True),
    )

    is_suggested = False  # the password is the panel's, to be copied

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
    def suggesting(cls, typed: dict[str, str]) -> Self:
        """The form with a new password to be seen and copied; nothing is saved yet."""
        form = cls()
        form.is_suggested = True
        form.initial = {**typed, "password": suggest_password()}
        form.fields["password"].widget = forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono", "autofocus": True}
        )
        form.fields["password"].help_text = gettext("Copy it now: it is not shown again.")
        return form


class AddMailboxForm(GuardedForm):
    local = LocalField(
        names.LocalPart,
        label=_("New mailbox"),
        widget=forms.TextInput(attrs={**PLAIN, "data-new": True}),
        error_messages={"required": _("Enter the part before the @.")},
    )
    comment = forms.CharField(
        label=_("Comment"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    quota = SizeField(blank=0, label=_("Quota"), help_text=_("As 500 MB or 2 GB."))
    field_order = ("local", "password", "comment", "quota")

    def of_domain(self, domain: Domain, rights: Rights) -> Self:
        """Who may not give a quota does not find the field."""
        default = default_of(domain)
        if Right.QUOTAS not in rights:
            del self.fields["quota"]
        elif default:
            self.fields["quota"].widget.attrs["placeholder"] = write_size(default)
        return self.within(domain.name)

    def clean_quota(self) -> int | None:
        """Nothing typed is what the domain gives, and 0 no limit."""
        typed = self.data.get("quota", "").strip()
        return self.cleaned_data["quota"] if typed else None

    @property
    def has_more(self) -> bool:
        """Whether something stands, or is wrong, in what is folded away."""
        more = [self[name] for name in ("comment", "quota") if name in self.fields]
        return any(field.value() or field.errors for field in more)


class NextPasswordForm(GuardedForm):
    """A form without a password is not good."""

    def clean_password(self) -> str:
        if not self.cleaned_data["password"]:
            raise forms.ValidationError(_("Enter a password, or let the panel suggest one."))
        return super().clean_password()


class PasswordForm(NextPasswordForm):
    """The password of somebody else's mailbox."""

    must_change = forms.BooleanField(
        label=_("Must choose a new password at the next sign-in"),
        required=False,
        help_text=_("Until then it opens the panel, and no mail program."),
    )


class QuotaForm(EditForm):
    """Blank is no limit."""

    names_who = True
    quota = SizeField(
        blank=0, label=_("Quota"), help_text=_("As 500 MB or 2 GB. Empty or 0: no limit.")
    )
    messages = CountField(
        required=False,
        min_value=0,
        max_value=MOST_MESSAGES,
        label=_("Messages"),
        help_text=_("How many it may hold. Empty or 0: no limit."),
        sentence=_("Enter a whole number, or leave it empty for no limit."),
        widget=forms.NumberInput(attrs={**PLAIN, "placeholder": _("no limit")}),
    )

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        return {"quota": row.mailbox.quota, "messages": row.mailbox.messages or None}

    def clean_messages(self) -> int:
        return self.cleaned_data["messages"] or 0


class CommentForm(EditForm):
    """Free text beside a mailbox."""

    names_who = True
    comment = forms.CharField(
        label=_("Comment"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        return {"comment": row.comment}


class RefusalForm(EditForm):
    """What senders are told while the mailbox takes no mail."""

    names_who = True
    refusal = forms.CharField(
        label=_("Answer while switched off or on hold"),
        required=False,
        help_text=_("What senders are told; one line."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        return {"refusal": row.refusal}
