"""One change, from its commit until it is read back live; and ten thousand at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from statistics import median

from bench.floor import Floor
from bench.scene import add_domains, is_live
from bench.table import Row
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, switch_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.sync.service import Service

MANY = 10_000
RATIO = 1.5


class Changes:
    """What the service does at once when it is woken, sample by sample beside the floor."""

    def __init__(self, service: Service, floor: Floor) -> None:
        self.service, self.floor = service, floor
        self.chance = Random(1)
        self.made = 0

    def measure(self, size: int, samples: int) -> list[Row]:
        """A mailbox added, changed and removed again, each with a floor beside it."""
        self.floor.follow()
        self.service.take_changes()
        floors: list[float] = []
        panel: dict[str, list[float]] = {"added": [], "changed": [], "removed": []}
        domains = list(Domain.objects.order_by("id"))
        for _ in range(samples):
            for what, seconds in self._round(self.chance.choice(domains)).items():
                panel[what].append(seconds)
                floors.append(self.floor.change())
        return [
            Row(f"one mailbox {what}", size, median(seconds), median(floors), RATIO)
            for what, seconds in panel.items()
        ]

    def _round(self, domain: Domain) -> dict[str, float]:
        self.made += 1
        address = add_mailbox(SYSTEM, domain, LocalPart(f"new{self.made}"))
        return {
            "added": self._until_live(address),
            "changed": self._after(address, lambda: switch_mailbox(SYSTEM, address, on=False)),
            "removed": self._after(address, lambda: remove_mailbox(SYSTEM, address)),
        }

    def _after(self, address: Address, service: Callable[[], object]) -> float:
        service()
        return self._until_live(address)

    def _until_live(self, address: Address) -> float:
        address.refresh_from_db()
        return self._until_applied(address.domain_id, address.change_id)

    def _until_applied(self, domain: int, change: int) -> float:
        start = time.perf_counter()
        self.service.take_changes()
        seconds = time.perf_counter() - start
        if not is_live(domain, change):
            raise RuntimeError(f"change {change} is not live")
        return seconds

    def measure_domains(self, domains: int, samples: int) -> Row:
        """A domain without addresses added; its name goes to morercpthosts."""
        self.floor.follow()
        self.service.take_changes()
        panel, floors = [], []
        for _ in range(samples):
            self.made += 1
            domain = add_domain(SYSTEM, DomainName(f"new{self.made}.example.com"))
            panel.append(self._until_applied(domain.pk, domain.change_id))
            floors.append(self.floor.add_domain())
        work = f"one domain added to {domains:,}, in morercpthosts"
        return Row(work, Address.objects.count(), median(panel), median(floors), RATIO)

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
