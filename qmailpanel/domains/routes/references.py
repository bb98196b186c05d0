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
    references = list(_read_references(domain, names, local)) if names else []
    places = [reference.target.lower().rpartition("@")[::2] for reference in references]
    below = Ours().read({host for _, host in places} - {*names, ""}, removed=True)
    return [
        reference
        for reference, (there, host) in zip(references, places, strict=True)
        if local in ("", there) and (host in names or below.get(host) == domain)
    ]


def _read_references(domain: Domain, names: Collection[str], local: str) -> Iterator[Reference]:
    """Those, and others of the same rows."""
    rows = Destination.objects.alias(lower=Lower("target"))
    destinations = rows.filter(_condition("lower", domain, names, local)).order_by("pk")
    for destination in destinations.select_related("address__domain"):
        yield Reference(destination.address, destination.target)
    domains = Domain.objects.alias(
        unknown_lower=Lower("unknown_target"), departed_lower=Lower("responder__target")
    ).filter(
        _condition("unknown_lower", domain, names, local)
        | _condition("departed_lower", domain, names, local)
    )
    for holder in domains.select_related("responder").order_by("pk"):
        yield Reference(holder, holder.unknown_target)
        responder: Responder | None = getattr(holder, "responder", None)
        if responder:
            yield Reference(responder, responder.target)


def _condition(column: str, domain: Domain, names: Collection[str], local: str) -> Q:
    condition = Q(**{f"{column}__in": [f"{local}@{name}" for name in names]})
    for name in names:
        if not local:
            condition |= Q(**{f"{column}__endswith": f"@{name}"})
        if domain.subdomains:
            to_local = Q(**{f"{column}__startswith": f"{local}@"}) if local else Q()
            condition |= to_local & Q(**{f"{column}__endswith": f".{name}"})
    return condition
