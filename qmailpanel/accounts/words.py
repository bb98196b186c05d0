"""The words of signing in: sessions, second factors, and accounts of people."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.wording import Field, Templates, Words, show_labels


class Method(TextChoices):
    """How somebody showed who it is."""

    PASSWORD = "password", gettext_lazy("password")
    CODE = "code", gettext_lazy("code of an app")
    RECOVERY_CODE = "recovery code", gettext_lazy("recovery code")
    PASSKEY = "passkey", gettext_lazy("passkey")
    LINK = "link", gettext_lazy("link")
    INVITATION = "invitation", gettext_lazy("link of an invitation")


PERSON = Words(  # the rest of what is said of people stands in people.words
    {
        Verb.SIGNED_IN: Templates(_("%(actor)s signed in")),
        Verb.REFUSED: Templates(
            _("Somebody was refused to sign in as %(target)s"),
            no_target=_("Somebody was refused to sign in"),
        ),
        Verb.PASSWORD: Templates(_("%(actor)s changed their password")),
    },
    {"by": Field(_("With"), show_labels(Method))},
)
SESSION = Words({Verb.ENDED: Templates(_("%(actor)s ended the session %(target)s"))})
TIME_ZONE = Words(
    {Verb.CHANGED: Templates(_("%(actor)s chose a time zone"))},
    {"zone": Field(_("Time zone"), lambda zone: zone or gettext("that of this host"))},
)
FACTOR = Words(
    {
        Verb.ADDED: Templates(_("%(actor)s added the %(target)s")),
        Verb.REMOVED: Templates(_("%(actor)s removed the %(target)s")),
    }
)
WORDS = {Noun.SESSION: SESSION, Noun.FACTOR: FACTOR, Noun.TIME_ZONE: TIME_ZONE}
