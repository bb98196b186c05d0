"""The words of changes to mailboxes, their app passwords and their auto-replies."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.words import ADDRESS_FIELDS, DAYS, SUBJECT, TEXT
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.wording import (
    Field,
    Templates,
    Words,
    show_labels,
    show_messages,
    show_on,
    show_quota,
    show_yes,
)
from qmailpanel.web.fields import PanelForm

from .forms import CommentForm, RefusalForm


class Protocol(TextChoices):
    """What an app password opens."""

    IMAP = "imap", gettext_lazy("IMAP")
    POP3 = "pop3", gettext_lazy("POP3")
    SENDING = "sending", gettext_lazy("Sending")


def _labelled_by(form: type[PanelForm]) -> dict[str, Field]:
    """The fields of a form are told by their labels."""
    return {name: Field(field.label or name) for name, field in form.base_fields.items()}


MAILBOX = Words(
    {
        Verb.ADDED: Templates(_("%(actor)s added the mailbox %(target)s")),
        Verb.CHANGED: Templates(
            _("%(actor)s changed the mailbox %(target)s"),
            own=_("%(actor)s changed their mailbox"),
        ),
        Verb.PASSWORD: Templates(
            _("%(actor)s set the password of the mailbox %(target)s"),
            own=_("%(actor)s changed the password of their mailbox"),
        ),
        Verb.SWITCHED_ON: Templates(_("%(actor)s switched on the mailbox %(target)s")),
        Verb.SWITCHED_OFF: Templates(_("%(actor)s switched off the mailbox %(target)s")),
        Verb.RENAMED: Templates(_("%(actor)s renamed the mailbox %(target)s")),
        Verb.REMOVED: Templates(_("%(actor)s removed the mailbox %(target)s")),
        Verb.RESTORED: Templates(_("%(actor)s restored the mailbox %(target)s")),
        Verb.PURGED: Templates(_("%(actor)s purged the mail of the mailbox %(target)s")),
        Verb.INVITED: Templates(_("%(actor)s made a link for the owner of %(target)s")),
    },
    {
        **ADDRESS_FIELDS,
        **_labelled_by(CommentForm),
        **_labelled_by(RefusalForm),
        "keeps": Field(_("A copy stays"), show_yes),
        "aliases": Field(_("Aliases that went with it")),
        "quota": Field(_("Quota"), show_quota),
        "messages": Field(_("Quota of messages"), show_messages),
        "on_hold": Field(_("On hold"), show_yes),
        "imap": Field(_("IMAP"), show_on),
        "pop3": Field(_("POP3"), show_on),
        "sending": Field(_("Sending"), show_on),
        "panel": Field(_("Opens the panel"), show_yes),
        "must_change": Field(_("Must choose a new password at the next sign-in"), show_yes),
    },
)
APP_PASSWORD = Words(
    {
        Verb.ADDED: Templates(
            _("%(actor)s made an app password for %(target)s"),
            own=_("%(actor)s made an app password"),
        ),
        Verb.REMOVED: Templates(
            _("%(actor)s removed an app password of %(target)s"),
            own=_("%(actor)s removed an app password"),
        ),
    },
    {
        "name": Field(_("Name")),
        "protocols": Field(_("Opens"), show_labels(Protocol)),
    },
)
AUTO_REPLY = Words(
    {
        Verb.CHANGED: Templates(
            _("%(actor)s changed the auto-reply of %(target)s"),
            own=_("%(actor)s changed their auto-reply"),
        ),
        Verb.SWITCHED_ON: Templates(_("%(actor)s switched on the auto-reply of %(target)s")),
        Verb.SWITCHED_OFF: Templates(_("%(actor)s switched off the auto-reply of %(target)s")),
    },
    {
        "on": Field(_("Answers by itself"), show_yes),
        "subject": SUBJECT,
        "text": TEXT,
        "first": Field(_("First day")),
        "last": Field(_("Last day")),
        "days": DAYS,
    },
)
WORDS = {
    Noun.MAILBOX: MAILBOX,
    Noun.APP_PASSWORD: APP_PASSWORD,
    Noun.AUTO_REPLY: AUTO_REPLY,
}
