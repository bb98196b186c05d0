"""Where mail to an address goes, in one word: every list, badge and picture asks this."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from .ends import End, Fate

LOST = frozenset({Fate.FULL, Fate.NOBODY, Fate.RETURNS})
GOOD = frozenset({Fate.ARRIVES, Fate.ANSWERED, Fate.GOES_ON})


class Verdict(StrEnum):
    """The worst of what becomes of a message to the address."""

    ARRIVES = "arrives here"
    GOES_ON = "goes on to"  # other addresses of this host, or of this host and of others
    BOTH = "arrives and goes on"
    ANSWERED = "is answered"  # and kept nowhere
    LEAVES = "leaves this host"
    RETURNS = "goes back to the sender"
    WAITS = "waits"
    DISCARDED = "is discarded"
    UNKNOWN = "nobody knows"


def verdict(address: str, ends: Collection[End]) -> Verdict:
    """`ends`: all of mail to the address."""
    fates = {end.fate for end in ends}
    for worst, said in (
        (LOST, Verdict.RETURNS),
        ({Fate.UNSURE, Fate.FURTHER}, Verdict.UNKNOWN),
        ({Fate.WAITS}, Verdict.WAITS),
        ({Fate.DISCARDED}, Verdict.DISCARDED),
    ):
        if fates & worst:
            return said
    return _of_good(address.lower(), ends, fates)


def _of_good(address: str, ends: Collection[End], fates: set[Fate]) -> Verdict:
    stored = {end.address.lower() for end in ends if end.fate is Fate.ARRIVES}
    if fates == {Fate.GOES_ON}:
        return Verdict.LEAVES
    if not fates:
        return Verdict.UNKNOWN
    if address not in stored:
        return Verdict.ANSWERED if fates == {Fate.ANSWERED} else Verdict.GOES_ON
    return Verdict.BOTH if stored != {address} or Fate.GOES_ON in fates else Verdict.ARRIVES
