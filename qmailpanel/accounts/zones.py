"""In which time zone somebody is shown times: one they chose, or the host's."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AnonymousUser

from qmailpanel.environment.host_zone import read_zone
from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record

from .models import User

# the others of the time zone database are older names of these, or of no place
AREAS = {
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
}


def zone_of(user: User | AnonymousUser) -> ZoneInfo | None:
    """None for the host's, also where the host no longer knows the one that was chosen."""
    name = getattr(user, "zone", "")
    try:
        return ZoneInfo(read_zone(name)) if name else None
    except ValueError:
        return None


@cache
def zones_by_area() -> list[tuple[str, list[tuple[str, str]]]]:
    """All that the host knows: of each area the zones, with their name as it is read."""
    names = sorted(name for name in available_timezones() if _area(name) in AREAS)
    return [
        (area, [(name, _place(name)) for name in those]) for area, those in groupby(names, _area)
    ]


def _area(name: str) -> str:
    return name.partition("/")[0]


def _place(name: str) -> str:
    return name.partition("/")[2].replace("_", " ")


def choose_zone(actor: Actor, user: User, zone: str) -> None:
    """From now on the person is shown times in it; "" for the host's."""
    with ledger_locked():
        user.refresh_from_db(fields=["zone"])
        before, after = {"zone": user.zone}, {"zone": zone}
        if before != after:
            user.zone = zone
            user.save(update_fields=["zone"])
            record(actor, Verb.CHANGED, Noun.TIME_ZONE, str(user), before=before, after=after)
