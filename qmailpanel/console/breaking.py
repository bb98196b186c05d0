"""Who delivers to what would go: said before anything goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from qmailpanel.domains.models import Address, Claim, Domain
from qmailpanel.domains.routes.pointers import StillPointedTo, name_pointers, served_names
from qmailpanel.domains.routes.references import Reference, find_references
from qmailpanel.ledger.actors import SYSTEM

Going = Address | Claim


def find_broken(going: Sequence[Going]) -> list[StillPointedTo]:
    """A sentence for each of them to which something delivers that stays."""
    by_domain = defaultdict[Domain, list[Going]](list)
    for one in going:
        by_domain[one.domain].append(one)
    return [
        sentence
        for domain, those in by_domain.items()
        for sentence in _find_broken_in(domain, those, going)
    ]


def _find_broken_in(
    domain: Domain, those: Sequence[Going], going: Sequence[Going]
) -> Iterator[StillPointedTo]:
    references = find_references(domain, served_names(domain))
    staying = [row for row in references if row.holder not in going]
    for one in those:
        pointers = name_pointers([row for row in staying if _leads_to(row, one)], SYSTEM)
        if pointers:
            yield StillPointedTo(str(one) if isinstance(one, Address) else one.name, pointers)


def _leads_to(reference: Reference, going: Going) -> bool:
    local, _at, host = reference.target.lower().rpartition("@")
    if isinstance(going, Address):
        return local == going.local
    return host == going.name or host.endswith(f".{going.name}")
