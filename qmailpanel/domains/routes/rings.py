"""Mail that would go round, asked when a name becomes ours or an address goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.ledger.actors import Refused

from .hops import Routes, leads_on
from .pointers import served_names
from .references import find_references


def refuse_rings(domain: Domain, names: Collection[str], field: str = "name") -> None:
    """Raises Refused where mail to these names of the domain, or below, would come back.

    To be asked when the names are the domain's already, in the same transaction.
    """
    references = find_references(domain, names)
    targets = {row.target.lower() for row in references if not row.is_removed}
    _refuse_ring(sorted(targets), field)


def refuse_rings_of(domain: Domain, field: str = "name") -> None:
    """The same for all names of the domain."""
    refuse_rings(domain, served_names(domain), field)


def refuse_rings_without(domain: Domain, addresses: Iterable[Address]) -> None:
    """Raises Refused where what takes mail for addresses of the domain, now removed, leads back.

    Not over a mailbox for unknown recipients that is itself removed: then those bounce.
    """
    if leads_on(domain):
        names = [f"{address.local}@{domain.name}" for address in addresses]
        _refuse_ring([name for name in names if not _takes_unknown(domain, name)], "")


def _takes_unknown(domain: Domain, address: str) -> bool:
    return domain.unknown == Unknown.MAILBOX and domain.unknown_target.lower() == address


def _refuse_ring(starts: Sequence[str], field: str) -> None:
    address = Routes().find_ring(starts)
    if address:
        raise Refused(
            _(
                "Mail to %(address)s would come back to it. "
                "Change where it or an address on the way delivers."
            ),
            field,
            address=address,
        )
