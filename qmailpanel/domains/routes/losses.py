"""Aliases and forwardings that go nowhere: what they lead on does not arrive, or not all of it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Address, AddressQuerySet
from qmailpanel.qmail.route.ends import End, Fate

from .fates import Fates

LOSING = frozenset({Fate.NOBODY, Fate.RETURNS, Fate.WAITS, Fate.DISCARDED})
LOOP = _("it comes back to where it was")


def leading_on() -> AddressQuerySet:
    """The addresses of which mail is led on, if they have destinations."""
    there = Address.objects.claiming().filter(removed=False, domain__removed=False)
    return there.select_related("domain")


def losses_of(address: Address, fates: Fates) -> list[End]:
    """Where mail that the address leads on does not arrive.

    A full mailbox is told of elsewhere, and what is off or on hold itself was meant to be.
    """
    own = str(address)
    ends = fates.ends(own)
    if not ends:
        return [End(own, Fate.RETURNS, str(LOOP))]
    return [end for end in ends if end.fate in LOSING and end.address != own]
