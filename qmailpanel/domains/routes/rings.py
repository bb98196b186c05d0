"""Mail that would go round, asked when a name becomes ours or an address goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.ledger.actors import Refused

from .hops import Routes
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


def refuse_rings_without(addresses: Iterable[Address]) -> None:
    """Raises Refused where what takes their mail now, as they are removed, leads back to them.

    Not over a mailbox for unknown recipients that is itself removed: then those bounce.
    """
    _refuse_ring([str(address) for address in addresses if not _takes_unknown(address)], "")


def _takes_unknown(address: Address) -> bool:
    domain = address.domain
    return domain.unknown == Unknown.MAILBOX and domain.unknown_target.lower() == str(address)


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
