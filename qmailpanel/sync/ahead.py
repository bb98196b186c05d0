"""The new mailboxes that are found by a file, until the map follows. See qmail/plan/ahead.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from enum import IntEnum

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.plan.ahead import as_found, find_new
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
    """What it knows is lost with the process: the next one looks at everything and makes the lines.

    `is_on`: somebody will call `go_on` soon, or new ones get their lines at once.
    """

    def __init__(self, host: Host, notes: HostNotes) -> None:
        self.host = host
        self.notes = notes
        self.is_on = False
        self._ways: dict[int, dict[str, Way]] = defaultdict(dict)  # by domain and local part

    def begin(self, wanted: Sequence[Wanted]) -> None:
        """Note the new ones among these, where it pays."""
        parts = [one.part for one in wanted if one.part]
        if not self.is_on or sum(map(len, parts)) > MANY or not self._pays():
            return
        new = find_new(wanted, self.host.memory.applied_of(wanted))
        if sum(map(len, new.values())) > FEW:
            return
        for one in wanted:
            locals_ = new.get(one.name, set())
            if locals_ and not self._is_in_the_way(one, locals_):
                self._ways[one.domain] |= dict.fromkeys(locals_, Way.FILE)

    def as_found(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """As they are found now."""
        return [self._as_found(one) for one in wanted]

    def go_on(self, way: Way) -> Locals:
        """Those that are found so are to be found by the next way from now on."""
        moved = {
            domain: {local for local, now in ways.items() if now is way}
            for domain, ways in self._ways.items()
        }
        for domain, locals_ in moved.items():
            for local in locals_:
                if way is Way.FILE:
                    self._ways[domain][local] = Way.BOTH
                else:
                    del self._ways[domain][local]
        self._ways = defaultdict(
            dict, {domain: ways for domain, ways in self._ways.items() if ways}
        )
        return {domain: locals_ for domain, locals_ in moved.items() if locals_}

    def _as_found(self, one: Wanted) -> Wanted:
        ways = self._ways.get(one.domain)
        if not ways or one.held:
            return one
        mapped = {local for local, way in ways.items() if way is Way.BOTH}
        return as_found(one, ways.keys(), mapped)

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
