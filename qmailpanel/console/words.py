"""The words of what operators decide about the host."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.wording import Field, Templates, Words

LINE = Words(
    {
        Verb.PUT_BACK: Templates(_("%(actor)s put the panel's version back into %(target)s")),
        Verb.KEPT: Templates(_("%(actor)s kept %(target)s as it is on the host")),
    }
)
HOST = Words(
    {Verb.CONFIRMED: Templates(_("%(actor)s said yes to the plan that waited for an answer"))}
)
CONFIRMING = Words(
    {
        Verb.SWITCHED_ON: Templates(_("%(actor)s let changes wait from now on")),
        Verb.SWITCHED_OFF: Templates(_("%(actor)s let changes be applied at once again")),
    }
)
CHANGES = Words(
    {Verb.APPLIED: Templates(_("%(actor)s applied the changes %(target)s"))},
    {"changes": Field(_("Changes"))},
)
WORDS = {
    Noun.LINE: LINE,
    Noun.HOST: HOST,
    Noun.CONFIRMING: CONFIRMING,
    Noun.CHANGES: CHANGES,
}
