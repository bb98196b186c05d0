"""The mail of a drill: where each message lies, and where a new one comes to."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from qmailpanel.domains.models import Kind
from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import Shared
from tests.kit.deliveries import find_ends
from tests.kit.drill.people import PASSWORD
from tests.kit.drill.rows import Rows
from tests.kit.drill.world import ADDRESSES, ARCHIVE, Numbers, World

LEFT = "-.left"  # after a number: a name that was removed


class Mail:
    def __init__(self, world: World) -> None:
        self.world = world

    def check(self) -> None:
        """Each message is with whom it was sent to, and nobody else can open that."""
        places = self._find_places()
        self._check_lost({mail for mails in places.values() for mail in mails})
        for place, mails in places.items():
            self._check_place(place, {self.world.known.messages[mail] for mail in mails})
        for place, number in self._logins():
            assert self.world.whose(place) in (number, 0), f"{number} reads mail in {place}"
        self._check_prepends()

    def _find_places(self) -> dict[Path, list[str]]:
        """The messages of each home."""
        places = defaultdict[Path, list[str]](list)
        for path in self.world.mails():
            places[path.parents[2]].append(path.name)
        there = list(itertools.chain.from_iterable(places.values()))
        assert len(there) == len(set(there)), "a message is there twice"
        return places

    def _check_lost(self, there: set[str]) -> None:
        messages = self.world.known.messages
        for mail in messages.keys() - there:
            assert messages.pop(mail) in self.world.purged, f"{mail} is lost"

    def _check_place(self, place: Path, numbers: set[int]) -> None:
        assert len(numbers) == 1, f"mail of {numbers} in {place}"
        mark = place / ".home"
        if mark.is_file():
            assert numbers == {int(mark.read_text())}
        if place.parent.name == ARCHIVE:
            assert numbers == {int(place.name.removeprefix(".purging-"))}

    def _logins(self) -> Iterator[tuple[Path, int]]:
        """Each home that somebody can open, and who can."""
        for file in self.world.panel.home.glob("logins/**/*.passwd"):
            for line in file.read_text().splitlines():
                _address, password, _uid, _gid, _gecos, home, *_ = line.split(":")
                if password.startswith(PASSWORD):
                    yield Path(home).resolve(), int(password.removeprefix(PASSWORD))

    def _check_prepends(self) -> None:
        owners = defaultdict[str, set[str]](set)
        assigned = self.world.panel.read(Shared.ASSIGN).decode()
        for _, entry in control.entries(self.world.panel.read(Shared.VIRTUAL)):
            name, _, number = entry.decode().partition(":")
            if number.endswith(LEFT) or f"/.left-{number}:" in assigned:
                continue  # it refuses mail, whoever had the name
            owners[number].add(self.world.known.served.get(name, name))
        assert all(len(those) == 1 for those in owners.values()), f"shared numbers: {owners}"

    def deliver(self) -> None:
        """To every address: it comes to whom it is for, and to nobody else."""
        for address in ADDRESSES:
            if address not in self.world.known.unsettled:
                ends, live = self.world.ends(address), self.world.known.live[address]
                assert len(ends) == len(live), f"{address} is for {live}, and comes to {ends}"
                self._bring(address, ends)
            for last, home in find_ends(self.world.panel.home, address):
                self._bring(last, {home})

    def _bring(self, address: str, ends: set[Path]) -> None:
        live = self.world.known.live[address]
        numbers = {self.world.whose(home) for home in ends} - {0}
        assert numbers <= live, f"{address} is for {live}, and comes to {numbers}"
        for home in ends:
            self._write_message(home, self.world.whose(home) or self._owner_of(home, live))

    def _owner_of(self, home: Path, live: Numbers) -> int:
        """Of a home without mail: whose row says that it stands there."""
        name, local = home.parts[-2:]
        domain = Rows().domain_of(name)
        assert domain, f"{home} is nobody's"
        row = domain.addresses.claiming().get(local=local, kind=Kind.MAILBOX)
        assert row.mailbox.home in live
        return row.mailbox.home

    def _write_message(self, home: Path, number: int) -> None:
        mail = f"{next(self.world.counter)}.mail"
        self.world.known.messages[mail] = number
        (home / "Maildir/new" / mail).touch()
