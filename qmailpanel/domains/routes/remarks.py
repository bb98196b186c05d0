"""What is remarked where somebody names an address that mail does not arrive at; never refused."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from django.utils.translation import gettext as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import LAST, Address, Domain
from qmailpanel.qmail.route.ends import End, Fate

from .fates import Fates

NEAR = 150  # addresses on each side that begin with the same letter


def remarks_on(targets: Iterable[str], fates: Fates, user: User) -> list[str]:
    """A sentence for each target that nobody has, and each end at which mail does not arrive."""
    named = list(targets)
    fates.read(named)
    unclaimed = [target for target in named if fates.stop(target).is_unclaimed]
    ends = dict.fromkeys(end for target in named for end in fates.ends(target))
    sentences = [_remark(end, fates, user) for end in ends]
    said = [_remark_unclaimed(target, fates, user) for target in unclaimed]
    return [*said, *filter(None, sentences)]


def _remark_unclaimed(target: str, fates: Fates, user: User) -> str:
    said = _("%(address)s is no address here: mail to it goes where unknown recipients go.")
    return _with_near(said % {"address": target}, target.lower(), fates, user)


def _remark(end: End, fates: Fates, user: User) -> str:
    is_nobodys = end.fate in (Fate.NOBODY, Fate.DISCARDED)
    return _with_near(say_end(end), end.address, fates, user) if is_nobodys else say_end(end)


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


def _with_near(said: str, address: str, fates: Fates, user: User) -> str:
    near = find_near(address, fates, user)
    return f"{said} {_('Did you mean %(near)s?') % {'near': near}}" if near else said


def find_near(address: str, fates: Fates, user: User) -> str:
    """The address of the same domain that is written almost so; empty where there is none."""
    local, _at, host = address.rpartition("@")
    domain = fates.domain_of(host)
    names = _around(domain, local, user) if domain else []
    near = get_close_matches(local, names, n=1, cutoff=0.75)
    return f"{near[0]}@{host}" if near else ""


def _around(domain: Domain, local: str, user: User) -> list[str]:
    """Those that would stand before and behind it in a list: ranges of an index, however many."""
    mine = Address.objects.for_user(user).claiming().filter(domain=domain, removed=False)
    first = local[:1]
    behind = mine.filter(local__gt=local, local__lt=first + LAST).order_by("local")
    before = mine.filter(local__gte=first, local__lt=local).order_by("-local")
    some = (rows.values_list("local", flat=True)[:NEAR] for rows in (behind, before))
    return [name for names in some for name in names]
