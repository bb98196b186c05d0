"""Mail to an address, followed over every forward to its ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .assigning import NoAssignment, find_assigned
from .delivery import deliver
from .door import NOT_ACCEPTED, NOT_LISTED, find_door, find_listed
from .ends import End, Fate, Leg, Station, Step, readable
from .reader import Reader, Unsure
from .rewriting import rewrite

MOST = 50  # addresses
LONGEST = 900  # bytes of an address; qmail-smtpd takes no longer one
LONGEST_DOMAIN = 255
LOOPS = "This message is looping: it already has my Delivered-To line. (#5.4.6)"

Route = tuple[Leg, ...]  # the address that was asked for first; each once


def find_route(
    reader: Reader, address: bytes, may_go_on: Callable[[], bool] = lambda: True
) -> Route:
    """Where mail of a stranger to the address goes. Raises OSError.

    `may_go_on`: asked before each address; where it says no, the rest lies further than it was
    followed.
    """
    legs = dict[str, Leg]()
    ahead = [(address, frozenset[str]())]
    while ahead and len(legs) < MOST and (not legs or may_go_on()):
        text, above = ahead.pop()
        name = _name(text)
        if name in legs:
            continue
        leg = _find_leg(reader, text, is_first=not legs)
        passed = above | {name}
        loops = {there for there in leg.nexts if there.lower() in passed}
        ends = (*leg.ends, *(End(there, Fate.RETURNS, LOOPS) for there in sorted(loops)))
        nexts = tuple(there for there in dict.fromkeys(leg.nexts) if there not in loops)
        legs[name] = leg._replace(ends=ends, nexts=nexts)
        ahead += [(there.encode(), passed) for there in reversed(nexts)]
    cut = [End(_name(text), Fate.FURTHER) for text, _ in ahead if _name(text) not in legs]
    return (*legs.values(), *([Leg(cut[-1].address, ends=(cut[-1],))] if cut else []))


def _name(address: bytes) -> str:
    return readable(address).lower()


def _find_leg(reader: Reader, address: bytes, *, is_first: bool) -> Leg:
    name = readable(address)
    if len(address) > LONGEST or len(address.rpartition(b"@")[2]) > LONGEST_DOMAIN:
        return Leg(name, ends=(End(name, Fate.UNSURE),))
    rewritten = rewrite(reader, address)
    if rewritten.local is None:
        end = End(readable(rewritten.address), Fate.GOES_ON)
        return Leg(name, rewritten.stations, (end,))
    stations = rewritten.stations
    if is_first:
        door = find_door(reader, address)
        listed = list(find_listed(reader, address)) if door.step is not Step.NOT_ACCEPTED else []
        stations = (door, *listed, *stations)
        refused = _refused(name, stations)
        if refused:
            return Leg(name, stations, (refused,))
    try:
        assigned, to = find_assigned(reader, rewritten.local)
    except NoAssignment as reason:
        return Leg(name, stations, (End(name, Fate.WAITS, str(reason)),))
    except Unsure:
        return Leg(name, stations, (End(name, Fate.UNSURE),))
    leg = deliver(reader, name, to)
    return leg._replace(stations=(*stations, *assigned, *leg.stations))


def _refused(name: str, stations: Iterable[Station]) -> End | None:
    """What qmail-smtpd answers."""
    steps = {station.step for station in stations}
    if Step.NOT_ACCEPTED in steps:
        return End(name, Fate.RETURNS, NOT_ACCEPTED)
    return End(name, Fate.NOBODY, NOT_LISTED) if Step.NOT_LISTED in steps else None


def ends_of(route: Route) -> Iterator[End]:
    """All ends, each once."""
    yield from dict.fromkeys(end for leg in route for end in leg.ends)
