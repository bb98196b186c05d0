"""When the rounds of the service are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from qmailpanel.qmail.pause import Round

AGAIN_SECONDS = 30.0

Work = Callable[[], Round[object] | None]


class BrokeOff(Exception):
    """A round cannot go on now, and begins anew later; the text says why."""


class Every:
    """Work that begins every so many seconds, 0: at each turn.

    At most one round of it is under way: an interrupted one goes on where it was. `work` starts a
    round, or is a plain function that needs no pause. `behind`: it begins only while that other
    one is not under way. A round that ends with an exception begins anew after `again` seconds.
    """

    def __init__(
        self,
        seconds: float,
        work: Work,
        *,
        behind: Every | None = None,
        again: float | None = None,
    ) -> None:
        self.seconds = seconds
        self.work = work
        self.behind = behind
        self.again = min(AGAIN_SECONDS, seconds) if again is None else again
        self.at = 0.0  # when the next round begins, by the monotonic clock
        self._round: Iterator[None] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._round is not None

    def hurry(self) -> None:
        """Begin at the next turn, or when the round that is under way is over."""
        self.at = 0.0

    def go_on(self) -> bool:
        """Work until the next pause. Returns whether the round has more to do."""
        if self._round is None:
            if not self._is_due():
                return False
            self.at = time.monotonic() + self.seconds
            self._round = self._begin()
        try:
            next(self._round)
        except StopIteration:
            self._round = None
        except Exception:
            self._round, self.at = None, time.monotonic() + self.again
            raise
        return self.is_under_way

    def _is_due(self) -> bool:
        is_free = self.behind is None or not self.behind.is_under_way
        return is_free and time.monotonic() >= self.at

    def _begin(self) -> Iterator[None]:
        yield from self.work() or ()
