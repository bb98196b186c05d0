"""The status of an address as it is shown: it is green only where mail is taken as shown."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from qmailpanel.domains.fullness import FULL, with_usage
from qmailpanel.domains.models import Address, AddressQuerySet
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import say_loss
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.badges import Badge, address_badge, unserved_word

from .services import targets_of


def with_state(rows: AddressQuerySet) -> AddressQuerySet:
    """Each with what `badge_of` asks; no further query."""
    return with_usage(rows.with_mailbox())


def badge_of(statuses: Statuses, address: Address, fates: Fates) -> Badge:
    """Of a row that came with its state; of an alias any row will do."""
    badge = address_badge(statuses, address)
    if badge.status is not Status.LIVE:
        return badge
    word = _settled_word(statuses, address) or _lossy_word(address, fates)
    return replace(badge, text=word) if word else badge


def _lossy_word(address: Address, fates: Fates) -> str:
    """Live all the same, but not green, where not all mail arrives."""
    return _("Live") if say_loss(targets_of(address), fates) else ""


def _settled_word(statuses: Statuses, address: Address) -> str:
    """What is said instead of Live; empty where mail is taken."""
    if word := unserved_word(address.domain):
        return word
    if not address.enabled:
        return _("Off")
    if getattr(address, "on_hold", None):
        return _("On hold")
    if statuses.is_left(address):
        return _("Left as it is")
    return _("Full") if (getattr(address, "used_percent", None) or 0) >= FULL else ""
