"""Every column that holds an address where mail goes, and the one way to compare it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Lower

from qmailpanel.domains.models import Address, Destination, Domain, Responder

from .ours import Ours

Holder = Address | Domain | Responder


@dataclass(frozen=True, slots=True)
class Reference:
    """A row that delivers to `target`, as it is written there."""

    holder: Holder
    target: str

    @property
    def domain(self) -> Domain:
        """The domain of the holder."""
        return self.holder if isinstance(self.holder, Domain) else self.holder.domain

    @property
    def is_removed(self) -> bool:
        """It delivers nothing, as long as nobody brings it back."""
        return self.domain.removed or (isinstance(self.holder, Address) and self.holder.removed)


def find_references(domain: Domain, names: Collection[str], local: str = "") -> list[Reference]:
    """What delivers to these names of the domain, or below them; `local`: only to that address.

    Whatever case it is written in, and whenever it was.
    """
    references = list(_read_references(_condition(domain, names, local))) if names else []
    hosts = [reference.target.rpartition("@")[2].lower() for reference in references]
    below = Ours().read(set(hosts) - set(names), removed=True)
    return [
        reference
        for reference, host in zip(references, hosts, strict=True)
        if host in names or below.get(host) == domain
    ]


def _condition(domain: Domain, names: Collection[str], local: str) -> Q:
    condition = Q(lower__in=[f"{local}@{name}" for name in names])
    for name in names:
        if not local:
            condition |= Q(lower__endswith=f"@{name}")
        if domain.subdomains:
            to_local = Q(lower__startswith=f"{local}@") if local else Q()
            condition |= to_local & Q(lower__endswith=f".{name}")
    return condition


def _read_references(condition: Q) -> Iterator[Reference]:
    lower = Lower("target")
    destinations = Destination.objects.alias(lower=lower).filter(condition)
    for destination in destinations.select_related("address__domain").order_by("pk"):
        yield Reference(destination.address, destination.target)
    domains = Domain.objects.alias(lower=Lower("unknown_target")).filter(condition)
    for domain in domains.order_by("pk"):
        yield Reference(domain, domain.unknown_target)
    responders = Responder.objects.alias(lower=lower).filter(condition)
    for responder in responders.select_related("domain"):
        yield Reference(responder, responder.target)
