"""What people type about where the mail of a mailbox goes, and what it answers."""

from __future__ import annotations

from typing import Any, Self

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Address
from qmailpanel.domains.targets import targets_of
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.qmail.formats.reply import BODY_LENGTH
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, CountField, DestinationsField

from .replies import LONGEST, reply_of


class ForwardingForm(EditForm):
    ids = "forwarding_%s"
    destinations = DestinationsField(
        label=_("Forward to"),
        required=False,
        help_text=_("One address a line, here or elsewhere. Empty: nothing is forwarded."),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 3, "class": "mono"}),
    )
    keeps = forms.BooleanField(label=_("Keep a copy in this mailbox"), required=False)

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        return {"destinations": "\n".join(targets_of(row)), "keeps": mailbox_of(row).keeps}

    @classmethod
    def of(cls, row: Address, data: Any = None, **options: Any) -> Self:
        return super().of(row, data, **options).within(row.domain.name)


def _day(label: Any, text: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        help_text=text,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter a day, as 2026-12-31, or leave it empty.")},
    )


class ReplyForm(EditForm):
    ids = "reply_%s"
    on = forms.BooleanField(label=_("Reply automatically"), required=False)
    subject = forms.CharField(
        label=_("Subject"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    text = forms.CharField(
        label=_("Text"),
        required=False,
        strip=False,
        max_length=2 * BODY_LENGTH,  # line ends of a browser are two characters; the service counts
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    first = _day(_("First day"), "")
    last = _day(_("Last day"), _("Leave it empty: until you switch it off."))
    days = CountField(
        label=_("Days until the same sender is answered again"),
        min_value=1,
        max_value=LONGEST,
        sentence=_("Enter a number of days."),
    )

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        reply = reply_of(mailbox_of(row))
        return {name: getattr(reply, name) for name in cls.base_fields}

    def __init__(self, *data: Any, **options: Any) -> None:
        super().__init__(*data, **options)
        self.fields["first"].help_text = gettext(
            "Empty: it starts at once. Days begin and end in the time of %(zone)s."
        ) % {"zone": settings.TIME_ZONE}
