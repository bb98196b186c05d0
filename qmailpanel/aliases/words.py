"""The words of changes to aliases."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.words import ADDRESS_FIELDS
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.wording import Templates, Words

ALIAS = Words(
    {
        Verb.ADDED: Templates(_("%(actor)s added the alias %(target)s")),
        Verb.CHANGED: Templates(_("%(actor)s changed the alias %(target)s")),
        Verb.SWITCHED_ON: Templates(_("%(actor)s switched on the alias %(target)s")),
        Verb.SWITCHED_OFF: Templates(_("%(actor)s switched off the alias %(target)s")),
        Verb.RENAMED: Templates(_("%(actor)s renamed the alias %(target)s")),
        Verb.REMOVED: Templates(_("%(actor)s removed the alias %(target)s")),
        Verb.RESTORED: Templates(_("%(actor)s restored the alias %(target)s")),
    },
    ADDRESS_FIELDS,
)
WORDS = {Noun.ALIAS: ALIAS}
