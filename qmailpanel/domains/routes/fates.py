"""What becomes of mail to an address: over every forward, up to where it ends, as the rows say."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, Domain
from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.qmail.route.verdict import Verdict, verdict
from qmailpanel.reports.statuses import Statuses

from .stops import Stop, Stops

LOST = frozenset({Fate.FULL, Fate.NOBODY, Fate.RETURNS, Fate.DISCARDED})
HOPS = 20  # one behind the other that a page follows
MOST = 2_000  # addresses that it reads
STEPS = 20_000  # from one address to the next
AT_ONCE = 200  # addresses that are read before it counts how far they lead


class Fates:
    """Each hop of all addresses that it is asked for together is read at once. See `Stops`.

    Chains may be long, and branch: what lies further than a page follows is `Fate.FURTHER`.
    """

    def __init__(
        self, user: User, own: int | None = None, within: Collection[int] | None = None
    ) -> None:
        self.user = user
        self._reader = Stops(user, own, within)
        self._stops: dict[str, Stop] = {}
        self._ends: dict[str, list[End]] = {}
        self._pending: set[str] = set()
        self._followed: set[str] = set()
        self._steps = STEPS
        self._unread_steps = STEPS

    def take(self, rows: Iterable[Address], statuses: Statuses) -> None:
        """Rows that the person sees need not be read; see `Stops.take`."""
        self._stops |= self._reader.take(rows, statuses)

    def domain_of(self, name: str) -> Domain | None:
        """That which takes mail to the name, whoever looks after it."""
        return self._reader.ours.read([name]).get(name)

    def read(self, addresses: Iterable[str]) -> None:
        """Follow mail to these addresses up to its ends."""
        reached, passed = {address.lower() for address in addresses} - self._followed, set[str]()
        self._followed |= reached
        for _hop in range(HOPS):
            self._read_hop(reached - self._stops.keys())
            passed |= reached
            reached = {there for node in reached for there in self._stop(node).nexts} - passed
            if not reached:
                return

    def _read_hop(self, nodes: Collection[str]) -> None:
        """Addresses that are equally far away, as long as few enough destinations were read."""
        unread = sorted(nodes)[: MOST - len(self._stops)]
        for start in range(0, len(unread), AT_ONCE):
            if self._unread_steps <= 0:
                return
            read = self._reader.read(unread[start : start + AT_ONCE])
            self._unread_steps -= sum(len(stop.nexts) for stop in read.values())
            self._stops |= read

    def stop(self, address: str) -> Stop:
        """What ends at the address itself, and where mail goes from it."""
        node = address.lower()
        self.read([node])
        return self._stop(node)

    def ends(self, address: str) -> list[End]:
        """All ends of mail to the address, each once."""
        node = address.lower()
        if node not in self._ends:
            self.read([node])
            self._ends[node] = self._find_ends(node)
        return self._ends[node]

    def verdict(self, address: str) -> Verdict:
        """All of it in one word, as it will be once it is live."""
        return verdict(address, self.ends(address))

    def is_pending(self, address: str) -> bool:
        """Whether anything on the way of mail to the address is not live yet."""
        self.ends(address)
        return address.lower() in self._pending

    def _find_ends(self, start: str) -> list[End]:
        ends, seen, ahead = dict[End, None](), {start}, [start]
        while ahead and self._steps:
            self._steps -= 1
            stop = self._stop(ahead.pop())
            ends |= dict.fromkeys(stop.ends)
            if stop.is_pending:
                self._pending.add(start)
            new = [there for there in stop.nexts if there not in seen]
            seen.update(new)
            ahead += reversed(new)
        return [*ends, *(End(node, Fate.FURTHER) for node in ahead[:1])]

    def _stop(self, node: str) -> Stop:
        return self._stops.get(node) or Stop((End(node, Fate.FURTHER),))
