"""What each kind of change is called, as a plain sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qmailpanel.ledger.models import Change, Noun, Verb


@dataclass(frozen=True)
class Said:
    """A sentence, and the names that stand in it: those may hold whatever somebody typed."""

    template: str
    names: Mapping[str, str]

    def __str__(self) -> str:
        return self.template % self.names

    @property
    def html(self) -> SafeString:
        """Each name isolated, so that its direction of writing does not turn the sentence round."""
        isolated = {key: format_html("<bdi>{}</bdi>", name) for key, name in self.names.items()}
        return SafeString(escape(self.template) % isolated)


@dataclass(frozen=True)
class Words:
    """Templates of one kind of change: the first that fits is taken, the plain one at last.

    `bare`: nothing is named. `within`: it concerns a domain. `own`: the actor themself is named.
    `of`: another person is named, where something of theirs could be.
    """

    plain: str
    bare: str = ""
    within: str = ""
    own: str = ""
    of: str = ""

    def pick(self, change: Change, domain: str) -> str:
        if not change.target and self.bare:
            return self.bare
        if domain and self.within:
            return self.within
        if change.target == change.actor_name and self.own:
            return self.own
        return self.of if "@" in change.target and self.of else self.plain


SIGNED_IN = Words(
    gettext_noop("%(actor)s signed in as %(target)s"),
    bare=gettext_noop("%(actor)s signed in"),
    own=gettext_noop("%(actor)s signed in"),
)
REFUSED = Words(
    gettext_noop("Somebody was refused to sign in as %(target)s"),
    bare=gettext_noop("Somebody was refused to sign in"),
)
INVITED = Words(
    gettext_noop("%(actor)s invited %(target)s"),
    within=gettext_noop("%(actor)s invited %(target)s to look after %(domain)s"),
)
WITHDREW = Words(gettext_noop("%(actor)s withdrew the invitation of %(target)s"))
GRANTED = Words(
    gettext_noop("%(actor)s granted rights to %(target)s"),
    within=gettext_noop("%(actor)s granted rights in %(domain)s to %(target)s"),
)
REVOKED = Words(
    gettext_noop("%(actor)s took all rights from %(target)s"),
    within=gettext_noop("%(actor)s took all rights in %(domain)s from %(target)s"),
)
REQUESTED = Words(gettext_noop("%(actor)s requested %(target)s"))
ACCEPTED = Words(gettext_noop("%(actor)s accepted the request for %(target)s"))
DECLINED = Words(gettext_noop("%(actor)s declined the request for %(target)s"))
PROVED = Words(gettext_noop("%(actor)s proved to own %(target)s"))

WORDS = {
    (Verb.SIGNED_IN, Noun.PERSON): SIGNED_IN,
    (Verb.SIGNED_IN, Noun.SESSION): SIGNED_IN,
    (Verb.SIGNED_IN, Noun.MAILBOX): SIGNED_IN,
    (Verb.REFUSED, Noun.PERSON): REFUSED,
    (Verb.REFUSED, Noun.SESSION): REFUSED,
    (Verb.REFUSED, Noun.MAILBOX): REFUSED,
    (Verb.REFUSED, Noun.FACTOR): Words(
        gettext_noop("Somebody was refused the second factor of %(target)s"),
        bare=REFUSED.bare,
    ),
    (Verb.ENDED, Noun.SESSION): Words(
        gettext_noop("%(actor)s ended the session %(target)s"),
        bare=gettext_noop("%(actor)s ended a session of their own"),
        own=gettext_noop("%(actor)s ended a session of their own"),
        of=gettext_noop("%(actor)s ended a session of %(target)s"),
    ),
    (Verb.ENDED, Noun.PERSON): Words(
        gettext_noop("%(actor)s ended all sessions of %(target)s"),
        own=gettext_noop("%(actor)s ended all other sessions of their own"),
    ),
    (Verb.ADDED, Noun.FACTOR): Words(
        gettext_noop("%(actor)s added the %(target)s"),
        own=gettext_noop("%(actor)s added a second factor"),
        of=gettext_noop("%(actor)s added a second factor for %(target)s"),
    ),
    (Verb.CHANGED, Noun.FACTOR): Words(
        gettext_noop("%(actor)s changed the %(target)s"),
        own=gettext_noop("%(actor)s changed a second factor"),
        of=gettext_noop("%(actor)s changed a second factor of %(target)s"),
    ),
    (Verb.REMOVED, Noun.FACTOR): Words(
        gettext_noop("%(actor)s removed the %(target)s"),
        own=gettext_noop("%(actor)s removed a second factor"),
        of=gettext_noop("%(actor)s removed a second factor of %(target)s"),
    ),
    (Verb.PASSWORD, Noun.PERSON): Words(
        gettext_noop("%(actor)s set the password of %(target)s"),
        own=gettext_noop("%(actor)s changed their password"),
    ),
    (Verb.INVITED, Noun.INVITATION): INVITED,
    (Verb.INVITED, Noun.PERSON): INVITED,
    (Verb.ACCEPTED, Noun.INVITATION): Words(
        gettext_noop("%(actor)s accepted the invitation of %(target)s"),
        bare=gettext_noop("%(actor)s accepted an invitation"),
        within=gettext_noop("%(actor)s accepted the invitation to look after %(domain)s"),
        own=gettext_noop("%(actor)s accepted an invitation"),
    ),
    (Verb.DECLINED, Noun.INVITATION): Words(
        gettext_noop("%(actor)s declined the invitation of %(target)s"),
        bare=gettext_noop("%(actor)s declined an invitation"),
        within=gettext_noop("%(actor)s declined the invitation to look after %(domain)s"),
        own=gettext_noop("%(actor)s declined an invitation"),
    ),
    (Verb.REVOKED, Noun.INVITATION): WITHDREW,
    (Verb.REMOVED, Noun.INVITATION): WITHDREW,
    (Verb.GRANTED, Noun.PERSON): GRANTED,
    (Verb.REVOKED, Noun.PERSON): REVOKED,
    (Verb.CHANGED, Noun.PERSON): Words(
        gettext_noop("%(actor)s changed the person %(target)s"),
        within=gettext_noop("%(actor)s changed the rights of %(target)s in %(domain)s"),
    ),
    (Verb.REQUESTED, Noun.REQUEST): REQUESTED,
    (Verb.REQUESTED, Noun.DOMAIN): REQUESTED,
    (Verb.ACCEPTED, Noun.REQUEST): ACCEPTED,
    (Verb.ACCEPTED, Noun.DOMAIN): ACCEPTED,
    (Verb.DECLINED, Noun.REQUEST): DECLINED,
    (Verb.DECLINED, Noun.DOMAIN): DECLINED,
    (Verb.REMOVED, Noun.REQUEST): Words(
        gettext_noop("%(actor)s withdrew the request for %(target)s")
    ),
    (Verb.PROVED, Noun.REQUEST): PROVED,
    (Verb.PROVED, Noun.DOMAIN): PROVED,
    (Verb.PROVED, Noun.PERSON): Words(
        PROVED.plain,
        own=gettext_noop("%(actor)s proved to read the mail to this address"),
    ),
    (Verb.INVITED, Noun.MAILBOX): Words(
        gettext_noop("%(actor)s made a link for the owner of %(target)s")
    ),
    (Verb.ADDED, Noun.APP_PASSWORD): Words(
        gettext_noop("%(actor)s made an app password for %(target)s")
    ),
    (Verb.REMOVED, Noun.APP_PASSWORD): Words(
        gettext_noop("%(actor)s removed an app password of %(target)s")
    ),
    (Verb.ADDED, Noun.RESPONDER): Words(
        gettext_noop("%(actor)s set what %(target)s answers for people who left")
    ),
    (Verb.CHANGED, Noun.RESPONDER): Words(
        gettext_noop("%(actor)s changed what %(target)s answers for people who left")
    ),
    (Verb.REMOVED, Noun.RESPONDER): Words(
        gettext_noop("%(actor)s ended what %(target)s answers for people who left")
    ),
    (Verb.ADDED, Noun.LIMITS): Words(gettext_noop("%(actor)s set limits for %(target)s")),
    (Verb.REMOVED, Noun.LIMITS): Words(gettext_noop("%(actor)s lifted the limits of %(target)s")),
    (Verb.PUT_BACK, Noun.LINE): Words(
        gettext_noop("%(actor)s put the panel's version back into %(target)s")
    ),
    (Verb.LEFT, Noun.LINE): Words(gettext_noop("%(actor)s left %(target)s as it is on the host")),
    (Verb.CONFIRMED, Noun.HOST): Words(gettext_noop("%(actor)s confirmed the plan %(target)s")),
    (Verb.SWITCHED_ON, Noun.CONFIRMING): Words(
        gettext_noop("%(actor)s let changes wait from now on")
    ),
    (Verb.SWITCHED_OFF, Noun.CONFIRMING): Words(
        gettext_noop("%(actor)s let changes be applied at once again")
    ),
}
FROM = (Verb.SIGNED_IN, Verb.REFUSED)  # of these the place is the point


def say(change: Change, *, domain: str = "", place: str = "") -> Said:
    """The sentence; `domain` is the name of the one it concerns, `place` where it came from."""
    words = WORDS.get((Verb(change.verb), Noun(change.noun)))
    template = _(words.pick(change, domain)) if words else _default(change)
    if place and says_place(change):
        template = _("%(sentence)s from %(place)s").replace("%(sentence)s", template)
    names = {"actor": change.actor_name, "target": change.target, "domain": domain, "place": place}
    return Said(template, names)


def says_place(change: Change) -> bool:
    """Whether the sentence itself says from where."""
    return change.verb in FROM


def _default(change: Change) -> str:
    words = {"verb": Verb(change.verb).label, "noun": Noun(change.noun).label}
    template = _("%(actor)s %(verb)s the %(noun)s %(target)s")
    for key, word in words.items():
        template = template.replace(f"%({key})s", str(word).replace("%", "%%"))
    return template
