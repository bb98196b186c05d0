"""Every column that holds an address where mail goes, and the one way to compare it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Lower

from qmailpanel.domains.models import Address, AddressQuerySet, Destination, Domain, Responder

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
    reached = _reached(domain, names, local, [reference.target for reference in references])
    return [one for one, is_there in zip(references, reached, strict=True) if is_there]


def find_holders(
    rows: AddressQuerySet, domain: Domain, names: Collection[str], local: str, most: int
) -> tuple[list[int], bool]:
    """The first of these rows that deliver to that address, by number, and whether that is all.

    The database chooses and sorts: whatever others point there, no more than `most` are read.
    """
    there = rows.annotate(lower=Lower("destinations__target"))
    found = there.filter(_condition("lower", domain, names, local)) if names else there.none()
    pairs = list(found.values_list("pk", "lower")[: most + 1])
    read = pairs[:most]
    reached = _reached(domain, names, local, [target for _, target in read])
    keys = [key for (key, _), is_there in zip(read, reached, strict=True) if is_there]
    return list(dict.fromkeys(keys)), len(pairs) <= most


def _reached(
    domain: Domain, names: Collection[str], local: str, targets: Iterable[str]
) -> list[bool]:
    """Of each target, whether it is that address: a name below may be another domain."""
    places = [target.lower().rpartition("@")[::2] for target in targets]
    below = Ours().read({host for _, host in places} - {*names, ""}, removed=True)
    return [
        local in ("", there) and (host in names or below.get(host) == domain)
        for there, host in places
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
