"""The words of changes to people, their invitations and the names they ask for."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts import words as accounts
from qmailpanel.domains.access.rights import Right
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.wording import Field, Templates, Words, show_labels, show_yes

RIGHTS = Field(_("Rights"), show_labels(Right))

PERSON = Words(
    {
        **accounts.PERSON.sentences,
        Verb.CHANGED: Templates(
            _("%(actor)s changed the rights of %(target)s in %(domain)s"),
            no_domain=_("%(actor)s changed the rights of %(target)s"),
        ),
        Verb.GRANTED: Templates(
            _("%(actor)s granted rights in %(domain)s to %(target)s"),
            own=_("%(actor)s got rights in %(domain)s"),
            no_domain=_("%(actor)s let %(target)s run this host"),
        ),
        Verb.REVOKED: Templates(
            _("%(actor)s took all rights in %(domain)s from %(target)s"),
            own=_("%(actor)s gave up all rights in %(domain)s"),
        ),
        Verb.SWITCHED_ON: Templates(_("%(actor)s switched on the person %(target)s")),
        Verb.SWITCHED_OFF: Templates(_("%(actor)s switched off the person %(target)s")),
    },
    {
        **accounts.PERSON.fields,
        "operator": Field(_("Runs this host"), show_yes),
        "rights": RIGHTS,
    },
)
INVITATION = Words(
    {
        Verb.INVITED: Templates(
            _("%(actor)s invited %(target)s to look after %(domain)s"),
            no_domain=_("%(actor)s invited %(target)s to run this host"),
        ),
        Verb.ACCEPTED: Templates(
            _("%(actor)s accepted the invitation to look after %(domain)s"),
            no_domain=_("%(actor)s accepted the invitation to run this host"),
        ),
        Verb.REMOVED: Templates(
            _("%(actor)s withdrew the invitation of %(target)s to look after %(domain)s"),
            own=_("The invitation of %(actor)s to look after %(domain)s ended"),
            no_domain=_("%(actor)s withdrew the invitation of %(target)s to run this host"),
        ),
    },
    {"by": Field(_("Invited by")), "rights": RIGHTS},
)
REQUEST = Words(
    {
        Verb.REQUESTED: Templates(_("%(actor)s requested %(target)s")),
        Verb.PROVED: Templates(_("%(actor)s proved to own %(target)s")),
        Verb.DECLINED: Templates(_("%(actor)s declined the request for %(target)s")),
        Verb.REMOVED: Templates(_("%(actor)s withdrew the request for %(target)s")),
    },
    {"domain": Field(_("As an alias domain of"))},
)
WORDS = {Noun.PERSON: PERSON, Noun.INVITATION: INVITATION, Noun.REQUEST: REQUEST}
