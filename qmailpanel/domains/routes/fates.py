"""What becomes of mail to an address: over every forward, up to where it ends, as the rows say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qmailpanel.accounts.models import User

from .stops import End, Fate, Stop, Stops

LOST = frozenset({Fate.FULL, Fate.NOBODY, Fate.RETURNS, Fate.DISCARDED})


class Fates:
    """Each hop of all addresses that it is asked for together is read at once. See `Stops`."""

    def __init__(self, user: User, own: int | None = None) -> None:
        self._reader = Stops(user, own)
        self._stops: dict[str, Stop] = {}

    def read(self, addresses: Iterable[str]) -> None:
        """Follow mail to these addresses up to its ends."""
        reached = {address.lower() for address in addresses}
        while unread := reached - self._stops.keys():
            self._stops |= self._reader.read(unread)
            reached = {there for node in unread for there in self._stops[node].nexts}

    def stop(self, address: str) -> Stop:
        """What ends at the address itself, and where mail goes from it."""
        self.read([address])
        return self._stops[address.lower()]

    def ends(self, address: str) -> list[End]:
        """All ends of mail to the address, each once."""
        self.read([address])
        return list(dict.fromkeys(self._walk(address.lower(), set())))

    def _walk(self, node: str, seen: set[str]) -> Iterator[End]:
        if node in seen:
            return
        seen.add(node)
        stop = self._stops[node]
        yield from stop.ends
        for there in stop.nexts:
            yield from self._walk(there, seen)
