"""The words of changes to domains, and those that mailboxes and aliases share."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.wording import (
    Field,
    Templates,
    Words,
    show_labels,
    show_limit,
    show_size_limit,
    show_yes,
)

from .models import OwnItem, Unknown


def _show_if_off(enabled: bool) -> str:
    return "" if enabled else show_yes(enabled)


SWITCHED = frozenset({Verb.SWITCHED_ON, Verb.SWITCHED_OFF})
GONE_OR_BACK = frozenset({Verb.REMOVED, Verb.RESTORED, Verb.PURGED})

ENABLED = Field(_("Switched on"), _show_if_off, told_by=SWITCHED)
REMOVED = Field(_("Removed"), show_yes, told_by=GONE_OR_BACK)
ADDRESS_FIELDS = {
    "local": Field(_("Name")),
    "comment": Field(_("Comment")),
    "destinations": Field(_("Delivers to")),
    "enabled": ENABLED,
    "removed": REMOVED,
}
SUBJECT, TEXT = Field(_("Subject")), Field(_("Text"))
DAYS = Field(_("Days between two answers"))

DOMAIN = Words(
    {
        Verb.ADDED: Templates(_("%(actor)s added the domain %(target)s")),
        Verb.CHANGED: Templates(_("%(actor)s changed the domain %(target)s")),
        Verb.SWITCHED_ON: Templates(_("%(actor)s switched on the domain %(target)s")),
        Verb.SWITCHED_OFF: Templates(_("%(actor)s switched off the domain %(target)s")),
        Verb.RENAMED: Templates(_("%(actor)s renamed the domain %(target)s")),
        Verb.REMOVED: Templates(_("%(actor)s removed the domain %(target)s")),
        Verb.RESTORED: Templates(_("%(actor)s restored the domain %(target)s")),
        Verb.ENDED: Templates(_("%(actor)s ended that the removed domain %(target)s refuses mail")),
    },
    {
        "name": Field(_("Name")),
        "description": Field(_("Description")),
        "enabled": ENABLED,
        "contact": Field(_("Postmaster and abuse deliver to")),
        "unknown": Field(_("Unknown recipients"), show_labels(Unknown)),
        "unknown_text": Field(_("Text for unknown recipients")),
        "unknown_target": Field(_("Unknown recipients go to")),
        "subdomains": Field(_("Mail to all sub-domains"), show_yes),
        "withheld": Field(_("Kept from owners"), show_labels(OwnItem)),
        "removed": REMOVED,
        "refused": Field(_("Refuses mail for")),
        "leaving": Field(_("Refuses mail that waits in the queue"), show_yes),
    },
)
ALIAS_DOMAIN = Words(
    {
        Verb.ADDED: Templates(_("%(actor)s added the alias domain %(target)s")),
        Verb.REMOVED: Templates(_("%(actor)s removed the alias domain %(target)s")),
        Verb.RESTORED: Templates(_("%(actor)s restored the alias domain %(target)s")),
        Verb.ENDED: Templates(
            _("%(actor)s ended that the removed alias domain %(target)s refuses mail")
        ),
    },
    {
        "domain": Field(_("Of the domain")),
        "removed": REMOVED,
        "claims": Field(_("Holds its name"), show_yes, told_by=GONE_OR_BACK),
    },
)
LIMITS = Words(
    {Verb.CHANGED: Templates(_("%(actor)s changed the limits of %(target)s"))},
    {
        "mailboxes": Field(_("Mailboxes"), show_limit),
        "aliases": Field(_("Aliases"), show_limit),
        "destinations": Field(_("Destinations of one alias"), show_limit),
        "pool": Field(_("Storage of all mailboxes"), show_size_limit),
        "largest_quota": Field(_("Largest quota of a mailbox"), show_size_limit),
        "default_quota": Field(_("Quota of a new mailbox"), show_size_limit),
    },
)
RESPONDER = Words(
    {
        Verb.ADDED: Templates(_("%(actor)s set what %(target)s answers for people who left")),
        Verb.CHANGED: Templates(_("%(actor)s changed what %(target)s answers for people who left")),
        Verb.REMOVED: Templates(_("%(actor)s ended what %(target)s answers for people who left")),
    },
    {
        "subject": SUBJECT,
        "text": TEXT,
        "target": Field(_("Mail goes on to")),
        "days": DAYS,
    },
)
WORDS = {
    Noun.DOMAIN: DOMAIN,
    Noun.ALIAS_DOMAIN: ALIAS_DOMAIN,
    Noun.LIMITS: LIMITS,
    Noun.RESPONDER: RESPONDER,
}
