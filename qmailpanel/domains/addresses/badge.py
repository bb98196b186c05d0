"""The status of an address as it is shown: it is green only where mail is taken as shown."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from qmailpanel.domains.fullness import with_usage
from qmailpanel.domains.models import Address, AddressQuerySet
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.sentences import WORDS, shape_of
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.badges import Badge, address_badge, unserved_word


def with_state(rows: AddressQuerySet) -> AddressQuerySet:
    """Each with what `badge_of` asks; no further query."""
    return with_usage(rows.with_mailbox())


def badge_of(statuses: Statuses, address: Address, fates: Fates) -> Badge:
    """What is live is green where the verdict says that mail to it is taken now."""
    badge = address_badge(statuses, address)
    if badge.status is not Status.LIVE:
        return badge
    found = fates.verdict(str(address))
    shape = shape_of(found, is_pending=fates.is_pending(str(address)))
    if shape is Status.LIVE:
        return badge
    if word := _decided_word(statuses, address):
        return replace(badge, text=word)
    if shape is Status.FAILED:
        return replace(badge, text=str(WORDS[found]), look=shape)
    return replace(badge, look="settled")


def _decided_word(statuses: Statuses, address: Address) -> str:
    """What a person decided about it, so that it takes no mail; empty where nobody did."""
    if word := unserved_word(address.domain):
        return word
    if not address.enabled:
        return _("Off")
    if getattr(address, "on_hold", None):
        return _("On hold")
    return _("Left as it is") if statuses.is_left(address) else ""
