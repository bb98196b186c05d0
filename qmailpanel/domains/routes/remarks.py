"""What is remarked where somebody names an address that mail does not arrive at; never refused."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from django.utils.translation import gettext as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address
from qmailpanel.qmail.route.ends import End, Fate

from .fates import Fates

COMPARED = 2000  # addresses that begin with the same letter


def remarks_on(targets: Iterable[str], fates: Fates, user: User) -> list[str]:
    """A sentence for each target that nobody has, and each end at which mail does not arrive."""
    named = list(targets)
    fates.read(named)
    unclaimed = [target for target in named if fates.stop(target).is_unclaimed]
    ends = dict.fromkeys(end for target in named for end in fates.ends(target))
    sentences = [_remark(end, user) for end in ends]
    return [*(_remark_unclaimed(target, user) for target in unclaimed), *filter(None, sentences)]


def _remark_unclaimed(target: str, user: User) -> str:
    said = _("%(address)s is no address here: mail to it goes where unknown recipients go.")
    return _with_near(said % {"address": target}, target.lower(), user)


def _remark(end: End, user: User) -> str:
    is_nobodys = end.fate in (Fate.NOBODY, Fate.DISCARDED)
    return _with_near(say_end(end), end.address, user) if is_nobodys else say_end(end)


def say_end(end: End) -> str:
    """Why mail does not arrive there; empty where it does."""
    match end.fate:
        case Fate.NOBODY:
            said = _("%(address)s is no address here: mail to it goes back to its sender.")
        case Fate.DISCARDED:
            said = _("%(address)s is no address here: mail to it is discarded.")
        case Fate.RETURNS:
            said = _("Mail to %(address)s goes back to its sender: “%(text)s”")
        case Fate.FULL:
            said = _("%(address)s is full: mail to it goes back to its sender.")
        case Fate.WAITS:
            said = _("%(address)s is on hold: mail to it waits.")
        case _other:
            return ""
    return said % {"address": end.address, "text": end.text}


def _with_near(said: str, address: str, user: User) -> str:
    near = find_near(address, user)
    return f"{said} {_('Did you mean %(near)s?') % {'near': near}}" if near else said


def find_near(address: str, user: User) -> str:
    """The address of the same domain that is written almost so; empty where there is none."""
    local, _at, domain = address.rpartition("@")
    mine = Address.objects.for_user(user).claiming().filter(removed=False)
    there = mine.filter(domain__names__name=domain, domain__names__claims=True)
    names = there.starting(local[:1]).values_list("local", flat=True)[:COMPARED]
    near = get_close_matches(local, names, n=1, cutoff=0.75)
    return f"{near[0]}@{domain}" if near else ""
