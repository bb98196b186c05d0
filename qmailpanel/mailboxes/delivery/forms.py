"""What people type about where the mail of a mailbox goes, and what it answers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.addresses.services import targets_of
from qmailpanel.domains.models import Address
from qmailpanel.mailboxes.models import AutoReply
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.qmail.formats.reply import BODY_LENGTH
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, CountField, DestinationsField

from .replies import LONGEST


class ForwardingForm(EditForm):
    destinations = DestinationsField(
        label=_("Forward to"),
        required=False,
        help_text=_("One address a line, here or elsewhere. Empty: nothing is forwarded."),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 3, "class": "mono"}),
    )
    keeps = forms.BooleanField(label=_("Keep a copy in this mailbox"), required=False)

    @classmethod
    def of(cls, address: Address, data: Any = None) -> ForwardingForm:
        """The form as the mailbox is now, or with what was typed."""
        targets = "\n".join(targets_of(address))
        initial = {"destinations": targets, "keeps": mailbox_of(address).keeps}
        form = cls(data, initial=initial, auto_id="forwarding_%s")
        return form.within(address.domain.name)


def _day(label: Any, text: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        help_text=text,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter a day, as 2026-12-31, or leave it empty.")},
    )


class ReplyForm(EditForm):
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
    def of(cls, reply: AutoReply, data: Any = None) -> ReplyForm:
        """The form as the auto-reply is now, or with what was typed."""
        initial = {name: getattr(reply, name) for name in cls.base_fields}
        form = cls(data, initial=initial, auto_id="reply_%s")
        form.fields["first"].help_text = gettext(
            "Empty: it starts at once. Days begin and end in the time of %(zone)s."
        ) % {"zone": settings.TIME_ZONE}
        return form
