"""The new mailboxes that are found by a file, until the map follows. See qmail/plan/ahead.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from enum import IntEnum

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.plan.ahead import as_found, find_mapped, find_new
from qmailpanel.qmail.plan.state import Wanted

from .host_notes import HostNotes
from .parts import Locals

LARGE = 1_000_000  # bytes of users/assign from which on its map is worth not to wait for
MANY = 1_000  # addresses that a run is about: it takes its time anyway
FEW = 10  # mailboxes that a change makes; with more of them, the map is compiled at once


class Way(IntEnum):
    """How mail comes to a mailbox."""

    FILE = 1
    BOTH = 2  # and by its line too: whoever asked the map before finds the file


class Ahead:
    """The memory keeps them for the next service. Whoever looks at the host without `start` gives
    them their lines at once.
    """

    def __init__(self, host: Host, notes: HostNotes) -> None:
        self.host = host
        self.notes = notes
        self._is_on = False
        self._ways: dict[int, dict[str, Way]] = defaultdict(dict)  # by domain and local part

    def start(self) -> None:
        """From now on somebody calls `going_on` each few seconds."""
        self._is_on = True
        for domain, ways in self.host.memory.ahead.items():
            self._ways[int(domain)] = {local: Way(way) for local, way in ways.items()}

    def keep(self) -> None:
        """To be called before anything is made."""
        self.host.memory.ahead = {f"{domain}": ways for domain, ways in self._ways.items()}

    def begin(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """As they are found from now on: where it pays, new ones by files."""
        parts = [one.part for one in wanted if one.part]
        if self._is_on and sum(map(len, parts)) <= MANY and self._pays():
            new = find_new(wanted, self.host.memory.applied_of(wanted))
            if sum(map(len, new.values())) <= FEW:
                self._note(wanted, new)
        return self.as_found(wanted)

    def _note(self, wanted: Sequence[Wanted], new: Mapping[str, Set[str]]) -> None:
        for one in wanted:
            locals_ = new.get(one.name, set())
            if locals_ and not self._is_in_the_way(one, locals_):
                self._ways[one.domain] |= dict.fromkeys(locals_, Way.FILE)

    def as_found(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """As they are found now."""
        return [self._as_found(one) for one in wanted]

    @contextmanager
    def going_on(self, way: Way) -> Iterator[Locals]:
        """Those that are found so are to be found by the next way from now on.

        Where the block raises, some may not be, and are as they were.
        """
        moved = self._found_by(way)
        self._move(moved, None if way is Way.BOTH else Way.BOTH)
        try:
            yield moved
        except BaseException:
            self._move(moved, way)
            raise

    def _found_by(self, way: Way) -> Locals:
        found = {
            domain: {local for local, now in ways.items() if now is way}
            for domain, ways in self._ways.items()
        }
        return {domain: locals_ for domain, locals_ in found.items() if locals_}

    def _move(self, moved: Locals, way: Way | None) -> None:
        """`way`: how they are found; None: by their lines alone."""
        for domain, locals_ in moved.items():
            if way:
                self._ways[domain] |= dict.fromkeys(locals_, way)
            else:
                others = self._ways[domain].keys() - locals_
                self._ways[domain] = {local: self._ways[domain][local] for local in others}
            if not self._ways[domain]:
                del self._ways[domain]

    def _as_found(self, one: Wanted) -> Wanted:
        ways = self._ways.get(one.domain)
        if not ways or one.held:
            return one
        mapped = {local for local, way in ways.items() if way is Way.BOTH}
        [before] = self.host.memory.applied_of([one]).values()
        return as_found(one, ways.keys(), mapped | find_mapped(before))

    def _pays(self) -> bool:
        """Nobody wrote the shared files since they were seen, and users/assign is large."""
        file = self.notes.files.get(Shared.ASSIGN)
        is_large = file is not None and len(file.content or b"") >= LARGE
        return is_large and not self.notes.is_touched()

    def _is_in_the_way(self, one: Wanted, locals_: Set[str]) -> bool:
        """Somebody else's line may take their mail, or a file stands there."""
        foreign = self.notes.files[Shared.ASSIGN].foreign
        paths = as_found(one, locals_).section.files.keys() - one.section.files.keys()
        return one.section.prepend in foreign.prepends or any(map(self.host.root.has, paths))
