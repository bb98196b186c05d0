"""Changes of each kind, from their commit until they are read back live, beside the floor."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random
from statistics import median
from typing import NamedTuple

from django.db import connection

from bench.counts import Fsyncs, Queries
from bench.floor import Bare, Floor
from bench.kinds import KINDS, Kind, changes_in
from bench.scene import add_domains, is_live
from bench.table import Row
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.sync.service import Service

MANY = 10_000
RATIO = 1.5
LEAST = 2  # rounds, however long they take


class Sample(NamedTuple):
    """Of one change."""

    seconds: float
    queries: int


class Changes:
    """What the service does at once when it is woken. `patience`: seconds for one size."""

    def __init__(
        self, service: Service, floor: Floor, fsyncs: Fsyncs, samples: int, patience: float
    ) -> None:
        self.service, self.floor, self.fsyncs = service, floor, fsyncs
        self.samples, self.patience = samples, patience
        self.chance = Random(1)
        self.made = 0

    def measure(self, size: int) -> list[Row]:
        """Of all kinds, in any domain."""
        self.floor.follow()
        self.service.take_changes()
        domains = list(Domain.objects.order_by("id"))
        samples: dict[Kind, list[Sample]] = defaultdict(list)
        floors = list[Bare]()
        end = time.monotonic() + self.patience
        for number in range(self.samples):
            if number >= LEAST and time.monotonic() > end:
                break
            for kind, sample in self._go_round(self.chance.choice(domains)):
                samples[kind].append(sample)
                floors.append(self.floor.measure())
        bare = Bare(*map(median, zip(*floors, strict=True)))
        rows = [self._summarise(kind, samples[kind], bare, size) for kind in KINDS]
        return [*rows, self._measure_following(domains[0], bare, size)]

    def _go_round(self, domain: Domain) -> Iterator[tuple[Kind, Sample]]:
        self.made += 1
        for kind, address in changes_in(domain, self.made):
            yield kind, self._until_live(address)
            self._follow()
        self.service.take_changes()

    def _follow(self) -> None:
        """The map, and then the file that was there until it had the line of a new mailbox."""
        for _ in range(2):
            self.service.following.hurry()
            while self.service.following.go_on():
                pass

    def _measure_following(self, domain: Domain, bare: Bare, size: int) -> Row:
        """What a new mailbox costs when it is live already: its line comes, and its file goes."""
        self.made += 1
        self._until_live(add_mailbox(SYSTEM, domain, LocalPart(f"new{self.made}")))
        start = time.perf_counter()
        self._follow()
        seconds = time.perf_counter() - start
        return Row("afterwards, for all that were added", size, seconds, bare.change)

    def _summarise(self, kind: Kind, samples: Sequence[Sample], bare: Bare, size: int) -> Row:
        seconds = median(sample.seconds for sample in samples)
        needed = kind.trees * bare.tree + kind.maps * bare.map + kind.files * bare.file
        return Row(
            kind.work,
            size,
            seconds,
            bare.change,
            kind.goal,
            own=seconds - needed,
            queries=median(sample.queries for sample in samples),
            fsyncs=self.fsyncs.get(kind),
        )

    def _until_live(self, address: Address) -> Sample:
        address.refresh_from_db()
        with connection.execute_wrapper(queries := Queries()):
            seconds = self._until_applied(address.domain_id, address.change_id)
        return Sample(seconds, queries.count)

    def _until_applied(self, domain: int, change: int) -> float:
        start = time.perf_counter()
        self.service.take_changes()
        seconds = time.perf_counter() - start
        if not is_live(domain, change):
            raise RuntimeError(f"change {change} is not live")
        return seconds

    def measure_domains(self, size: int) -> Row:
        """A domain without addresses added; its name goes to morercpthosts."""
        self.floor.follow()
        self.service.take_changes()
        panel, floors = [], []
        for _ in range(self.samples):
            self.made += 1
            domain = add_domain(SYSTEM, DomainName(f"new{self.made}.example.com"))
            panel.append(self._until_applied(domain.pk, domain.change_id))
            floors.append(self.floor.add_domain())
        work = "domain added, in morercpthosts"
        return Row(work, size, median(panel), median(floors), RATIO)

    def measure_many(self, size: int) -> Row:
        """Ten thousand mailboxes of one new domain, with a floor before and after."""
        before = self.floor.add(MANY)
        [domain] = add_domains(1, MANY)
        start = time.perf_counter()
        self.service.take_changes()
        seconds = time.perf_counter() - start
        if not is_live(domain.pk, domain.change_id):
            raise RuntimeError("ten thousand mailboxes are not live")
        floor = (before + self.floor.add(MANY)) / 2
        return Row(f"{MANY:,} mailboxes added in one go", size, seconds, floor, RATIO)
