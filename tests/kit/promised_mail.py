"""Who was to get a message, by what the rows said while it was on its way.

An end is the number of a home, an address outside, or `REFUSED`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import NamedTuple

from django.db import transaction

from qmailpanel.domains.models import Address, Claim, Destination, Domain, Unknown
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.models import SyncPosition

REFUSED = "a bounce"
NUMBER = "domain "  # before the number of a domain, in the place of a name of it
TICK = 0.05  # times of files are rounded


@dataclass(frozen=True)
class Decision:
    """What an address does with a message."""

    ends: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()


REFUSES = Decision(ends=(REFUSED,))


@dataclass(frozen=True)
class Local:
    """A local part that somebody has; `home`: the number of its home, if it has one."""

    decision: Decision
    home: str = ""


class Rows:
    """What the database says of all mail at one moment."""

    @transaction.atomic
    def __init__(self, before: Rows | None = None) -> None:
        """What did not change since `before` is not read again."""
        self._domains = {row.pk: row for row in Domain.objects.all()}
        self._claims = {row.name: row for row in Claim.objects.filter(claims=True)}
        self.changes = {row.pk: row.change_id for row in self._domains.values()}
        known = before.changes if before else {}
        changed = [number for number, change in self.changes.items() if known.get(number) != change]
        self._locals: dict[int, dict[str, Local]] = dict(before._locals) if before else {}
        self._locals |= {number: _read_locals(number) for number in changed}
        self._reached: dict[str, Counter[str]] = {}

    def reach(self, address: str) -> Counter[str]:
        """The ends of a message that meets these rows alone."""
        if address not in self._reached:
            self._reached[address] = _reach([self], address)
        return self._reached[address]

    def decide(self, address: str) -> Decision:
        """A step on the way: from a name to a domain, or from a local part to where it goes."""
        local, _, name = address.lower().rpartition("@")
        if name.startswith(NUMBER):
            return self._decide_local(int(name.removeprefix(NUMBER)), local)
        if not self.is_ours(address):
            return Decision(ends=(address,))
        domain = self._find_domain(name)
        return Decision(hops=(f"{local}@{NUMBER}{domain.pk}",)) if domain else REFUSES

    def _decide_local(self, number: int, local: str) -> Decision:
        domain = self._domains.get(number)
        if domain is None or domain.removed or not domain.enabled:
            return REFUSES
        found = self._locals[number].get(local)
        return found.decision if found else self._decide_unknown(domain)

    def home_of(self, path: str) -> str:
        """The number of the home at a path below the mail root; empty where none should be."""
        name, _, local = path.partition("/")
        domain = self._find_domain(name)
        found = self._locals[domain.pk].get(local) if domain else None
        return found.home if found else ""

    def is_ours(self, address: str) -> bool:
        """Since its name was claimed once, or one above it was."""
        labels = address.rpartition("@")[2].split(".")
        return any(".".join(labels[start:]) in self._claims for start in range(len(labels)))

    def _find_domain(self, name: str) -> Domain | None:
        """The name counts before those above it, and refuses when it is removed.

        Except below a wildcard of its own domain. See qmail-send(8).
        """
        above = self._find_above(name)
        claim = self._claims.get(name)
        if claim is None:
            return above
        domain = self._domains[claim.domain_id]
        if domain.removed or claim.removed:
            return above if above == domain else None
        return domain

    def _find_above(self, name: str) -> Domain | None:
        while "." in name:
            name = name.partition(".")[2]
            claim = self._claims.get(name)
            domain = self._domains[claim.domain_id] if claim else None
            if claim and domain and domain.subdomains:
                return None if domain.removed or claim.removed else domain
        return None

    def _decide_unknown(self, domain: Domain) -> Decision:
        match domain.unknown:
            case Unknown.DISCARD:
                return Decision()
            case Unknown.FORWARD:
                return Decision(hops=(domain.unknown_target,))
            case Unknown.MAILBOX:
                return self._decide_catching(domain)
        return REFUSES

    def _decide_catching(self, domain: Domain) -> Decision:
        is_there = domain.unknown_target.partition("@")[0] in self._locals[domain.pk]
        return Decision(hops=(domain.unknown_target,)) if is_there else REFUSES


def _read_locals(domain: int) -> dict[str, Local]:
    """All that is there and not removed."""
    targets: dict[int, list[str]] = {}
    for row in Destination.objects.filter(address__domain=domain):
        targets.setdefault(row.address_id, []).append(row.target)
    boxes = {box.address_id: box for box in Mailbox.objects.filter(address__domain=domain)}
    addresses = Address.objects.claiming().filter(domain=domain, removed=False)
    return {
        row.local: _read_local(row, boxes.get(row.pk), tuple(targets.get(row.pk, ())))
        for row in addresses
    }


def _read_local(row: Address, box: Mailbox | None, targets: tuple[str, ...]) -> Local:
    home = str(box.home) if box else ""
    if not row.enabled:
        return Local(REFUSES, home)
    kept = (home,) if box and (box.keeps or not targets) else ()
    return Local(Decision(kept, targets), home)


@dataclass
class Version:
    """Rows that count from a moment on; `live`: since when nothing older counts."""

    rows: Rows
    begun: float
    live: float | None = None


@dataclass
class History:
    """All that the rows ever said."""

    versions: list[Version] = field(default_factory=list)

    def add(self, begun: float) -> None:
        """What the rows say now; the change to it began then."""
        before = self.versions[-1].rows if self.versions else None
        self.versions.append(Version(Rows(before), begun))

    def note_live(self) -> bool:
        """See what is live by now. Returns whether all is."""
        applied = dict(SyncPosition.objects.values_list("domain", "applied"))
        now = time.time()
        for version in self.versions:
            changes = version.rows.changes.items()
            if version.live is None and all(applied.get(d, 0) >= c for d, c in changes):
                version.live = now
        return self.versions[-1].live is not None

    def between(self, begun: float, ended: float) -> list[Rows]:
        """The rows that counted at some moment of that time."""
        pairs = zip(self.versions, [*self.versions[1:], None], strict=True)
        return [
            version.rows
            for version, following in pairs
            if version.begun <= ended + TICK
            and (following is None or following.live is None or following.live >= begun - TICK)
        ]


class Promise(NamedTuple):
    """Where a message may come to, and how often at most; where it must; whether to anybody."""

    may: Counter[str]
    must: set[str]
    is_for_somebody: bool


def find_promise(rows: Sequence[Rows], address: str) -> Promise:
    """What rows that followed each other promise a message.

    It never bounces, nor leaves for a name that comes to be ours, only because some of its hops are
    met by old rows and others by new ones.
    """
    each = [one.reach(address) for one in rows]
    mixed = _reach(rows, address)
    for end in [end for end in mixed if end == REFUSED or rows[-1].is_ours(end)]:
        if not any(end in one for one in each):
            del mixed[end]
    return Promise(mixed, set.intersection(*map(set, each)), all(each))


def _reach(rows: Sequence[Rows], address: str, seen: Sequence[str] = ()) -> Counter[str]:
    """The ends of all ways over hops, each of which is met by any of these rows."""
    if address in seen:
        return Counter()
    go_on = partial(_reach, rows, seen=(*seen, address))
    decisions = {each.decide(address) for each in rows}
    ways = (sum(map(go_on, each.hops), Counter(each.ends)) for each in decisions)
    return reduce(Counter.__or__, ways)
