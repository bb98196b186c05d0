"""People who change a host all the time, and the forty addresses of every kind that they keep."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable

from django.db import transaction

from qmailpanel.aliases.services import change_alias, remove_alias, restore_alias, switch_alias
from qmailpanel.domains.models import Address, Claim, Domain, Kind, Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import change_domain, remove_domain, restore_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_quota, switch_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from tests.kit.real_panel import new_alias, new_domain, new_mailbox

SENDERS = ("tester@outside.test", "box@steady.test", "nobody@steady.test")
FRIEND = "friend@elsewhere.test"
STEADY = ["box@plain.test", "ann@plain.test", "bob@other.test"]
ENDS = [*STEADY, "hop1@plain.test", "copy@plain.test", "second@other.test", FRIEND]
MOVING = ["walk1", "walk2", "walk3"]
MOVED = ["move1.test", "move2.test", "move3.test"]
RECIPIENTS = (
    *("box@plain.test", "second@plain.test", "ann@plain.test", "limited@plain.test"),
    *("hop1@plain.test", "hop2@plain.test", "hop3@plain.test", "turning@plain.test"),
    *("copy@plain.test", "nocopy@plain.test", "away@plain.test", "switched@plain.test"),
    *("off@plain.test", "comer@plain.test", "lost@plain.test", "nosuch@plain.test"),
    *("box@plain.org", "turning@plain.org", "box@plain.info", "nosuch@plain.info"),
    *("bob@other.test", "second@other.test", "across@other.test", "to-move@other.test"),
    *("to-flip@other.test", "to-gone@other.test", "to-walk@other.test", "to-new@other.test"),
    *("nosuch@other.test", "cat@catch.test", "anything@catch.test", "to-catch@other.test"),
    *("box@wild.test", "box@any.wild.test", "nosuch@a.b.wild.test", "to-below@other.test"),
    *("box@low.wild.test", "ann@flip.test", "nosuch@flip.test", "ann@gone.test"),
    *(f"{local}@plain.test" for local in MOVING),
    *(f"ann@{name}" for name in MOVED),
    *("fresh@many.test", "box7@many.test", "box@steady.test"),
)


class BusyPeople:
    """`change` does one thing of many."""

    def __init__(self, chance: random.Random, many: int) -> None:
        """`many`: how many mailboxes are made at once."""
        self.chance = chance
        self.many = many
        self.refused = 0
        self.done: list[str] = []
        self._numbers = itertools.count(1)
        self._make_domains()
        self.deeds: tuple[Callable[[], object], ...] = (
            *(self.turn_alias, self.turn_across, self.turn_catch_all, self.turn_to_new),
            *(self.walk, self.move, self.flip, self.remove_or_restore, self.change_below),
            *(self.change_name, self.come_or_go, self.make_again),
            *(self.switch, self.change_copies, self.change_away, self.change_limit),
            *(self.come_and_go_as_alias, self.make_many),
        )

    def change(self) -> None:
        """Some deeds at once; one that is refused changed nothing."""
        with transaction.atomic():
            for deed in self.chance.sample(self.deeds, self.chance.choice([1, 1, 2, 4])):
                self.done.append(f"{time.time() % 1000:.2f} {deed.__name__}")  # as `Sent` says it
                try:
                    with transaction.atomic():
                        deed()
                except Refused:
                    self.refused += 1

    def _make_domains(self) -> None:
        steady = new_domain("steady.test")
        new_mailbox(steady, "box")
        self.plain = self._make("plain.test", "box", "ann", "limited", "copy", "nocopy", "away")
        for local in ("switched", "comer", MOVING[0]):
            new_mailbox(self.plain, local)
        self.catch = self._make("catch.test", "cat")
        self.wild = self._make("wild.test", "box")
        self.below = self._make("low.wild.test", "box")
        self.flipped = self._make("flip.test", "ann")
        self.gone = self._make("gone.test", "ann")
        self.mover = self._make(MOVED[0], "ann")
        self.other = self._make("other.test", "bob")
        self.crowd = self._make("many.test", "fresh")
        change_domain(SYSTEM, self.wild, subdomains=True)
        for name in ("plain.org", "plain.info"):
            add_alias_domain(SYSTEM, self.plain, DomainName(name))
        self._make_aliases()
        change_quota(SYSTEM, self._at(self.plain, "limited"), quota=10**9)

    @staticmethod
    def _make(name: str, *locals_: str) -> Domain:
        domain = new_domain(name)
        for local in locals_:
            new_mailbox(domain, local)
        return domain

    def _make_aliases(self) -> None:
        for local, targets in {
            "second": ["box@plain.test"],
            "hop1": ["ann@plain.test", FRIEND],
            "hop2": ["hop1@plain.test"],
            "off": [FRIEND],
            "lost": ["ann@plain.test", FRIEND],
            "turning": STEADY,
        }.items():
            new_alias(self.plain, local, targets)
        for local, target in {
            "second": "bob@other.test",
            "across": "turning@plain.test",
            "to-move": f"ann@{MOVED[0]}",
            "to-flip": "ann@flip.test",
            "to-gone": "ann@gone.test",
            "to-walk": f"{MOVING[0]}@plain.test",
            "to-new": "bob@other.test",
            "to-catch": "anything@catch.test",
            "to-below": "box@low.wild.test",
        }.items():
            new_alias(self.other, local, [target])
        new_alias(self.plain, "hop3", ["across@other.test"])

    # where mail goes

    def turn_alias(self) -> None:
        targets = self.chance.sample(ENDS, self.chance.randint(1, 2))
        self._turn(self._at(self.plain, "turning"), *targets)

    def turn_across(self) -> None:
        targets = ["turning@plain.test", "away@plain.test", "box@any.wild.test", "cat@catch.test"]
        self._turn(self._at(self.other, "across"), self.chance.choice(targets))

    def turn_catch_all(self) -> None:
        unknown, target = self.chance.choice(
            [
                (Unknown.BOUNCE, ""),
                (Unknown.DISCARD, ""),
                (Unknown.FORWARD, self.chance.choice(ENDS)),
                (Unknown.MAILBOX, "cat"),
            ]
        )
        domain = self.chance.choice([self.catch, self.wild, self.flipped])
        if unknown == Unknown.MAILBOX and domain != self.catch:
            return
        change_domain(SYSTEM, domain, unknown=unknown, unknown_target=target)

    def turn_to_new(self) -> None:
        """A mailbox, and all that shall deliver to it from its first moment on."""
        new = str(new_mailbox(self.other, f"new{next(self._numbers)}"))
        self._turn(self._at(self.other, "to-new"), new)
        change_domain(SYSTEM, self.other, unknown=Unknown.FORWARD, unknown_target=new)

    def change_copies(self) -> None:
        keeps = self.chance.random() < 0.5
        address = self._at(self.plain, self.chance.choice(["copy", "nocopy"]))
        targets = self.chance.sample([FRIEND, "bob@other.test", "box@wild.test"], 2)
        forwards = [MailAddress(target) for target in targets]
        change_forwarding(SYSTEM, address, destinations=forwards, keeps=keeps)

    # other names

    def walk(self) -> None:
        """A mailbox gets another of its names, of which the one after next is freed."""
        address = self._find(self.plain, MOVING)
        self._rename(address, self.chance.choice([*MOVING, f"walk{next(self._numbers) + 3}"]))

    def _rename(self, address: Address, local: str) -> None:
        held = Address.objects.filter(domain=address.domain, local=local, removed=False)
        alias = held.filter(kind=Kind.ALIAS).first()
        if alias:
            remove_alias(SYSTEM, alias, despite_pointers=True)
            return
        rename_address(SYSTEM, address, LocalPart(local), keep=self._perhaps())

    def move(self) -> None:
        name = self.chance.choice([name for name in MOVED if name != self.mover.name])
        rename_domain(SYSTEM, self._fresh(self.mover), DomainName(name), keep=self._perhaps())

    def change_name(self) -> None:
        """An alias domain comes, goes, or comes back."""
        name = self.chance.choice(["plain.org", "plain.info"])
        claim = Claim.objects.get(name=name, domain=self.plain, claims=True)
        if claim.removed:
            restore_alias_domain(SYSTEM, claim)
        else:
            remove_alias_domain(SYSTEM, claim, despite_pointers=True)

    # there or not

    def flip(self) -> None:
        domain = self._fresh(self.flipped)
        switch_domain(SYSTEM, domain, on=not domain.enabled)

    def remove_or_restore(self) -> None:
        self._remove_or_restore(self.gone)

    def change_below(self) -> None:
        domain = self._fresh(self.below)
        if self._perhaps() and not domain.removed:
            switch_domain(SYSTEM, domain, on=not domain.enabled)
        else:
            self._remove_or_restore(domain)

    def _remove_or_restore(self, domain: Domain) -> None:
        self._fresh(domain)
        if domain.removed:
            restore_domain(SYSTEM, domain)
        else:
            remove_domain(SYSTEM, domain, despite_pointers=True)

    def come_or_go(self) -> None:
        address = self._at(self.plain, "comer")
        if address.removed:
            restore_mailbox(SYSTEM, address)
        else:
            remove_mailbox(SYSTEM, address, despite_pointers=True)

    def make_again(self) -> None:
        """Another mailbox of the same name; the mail of the first is not its."""
        if self._at(self.plain, "comer").removed:
            new_mailbox(self.plain, "comer")

    def come_and_go_as_alias(self) -> None:
        address = self._at(self.plain, "lost")
        if address.removed:
            restore_alias(SYSTEM, address)
        else:
            remove_alias(SYSTEM, address, despite_pointers=True)

    def switch(self) -> None:
        change, local = self.chance.choice([(switch_mailbox, "switched"), (switch_alias, "off")])
        address = self._at(self.plain, local)
        change(SYSTEM, address, on=not address.enabled)

    # how it is kept

    def change_limit(self) -> None:
        quota = self.chance.choice([0, 10**9, 2 * 10**9])
        change_quota(SYSTEM, self._at(self.plain, "limited"), quota=quota)

    def change_away(self) -> None:
        address = self._at(self.plain, "away")
        text = {"subject": "Away", "text": "Back in May."}
        change_reply(SYSTEM, address, on=self._perhaps(), **text, first=None, last=None, days=7)

    def make_many(self) -> None:
        """So many mailboxes at once that the host is written for seconds."""
        domain = new_domain(f"many{next(self._numbers)}.test")
        for number in range(self.many):
            new_mailbox(domain, f"box{number}")
        target = f"box{self.many - 1}@{domain.name}"
        self._turn(self._at(self.other, "to-new"), target)
        for turning in (self.catch, self.other):
            change_domain(SYSTEM, turning, unknown=Unknown.FORWARD, unknown_target=target)

    # rows

    def _turn(self, alias: Address, *targets: str) -> None:
        change_alias(SYSTEM, alias, destinations=[MailAddress(target) for target in targets])

    @staticmethod
    def _at(domain: Domain, local: str) -> Address:
        return Address.objects.claiming().get(domain=domain, local=local)

    @staticmethod
    def _find(domain: Domain, locals_: list[str]) -> Address:
        """The mailbox that has one of these names, or began with one."""
        return Address.objects.get(
            domain=domain, kind=Kind.MAILBOX, removed=False, local__startswith=locals_[0][:4]
        )

    @staticmethod
    def _fresh(domain: Domain) -> Domain:
        domain.refresh_from_db()
        return domain

    def _perhaps(self) -> bool:
        return self.chance.random() < 0.5
