"""Mail that would go round, asked when a name becomes ours that others deliver to already."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.models import Domain
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
    address = Routes().find_ring(sorted(targets))
    if address:
        raise Refused(
            _(
                "Mail to %(address)s would come back to it. "
                "Change where it or an address on the way delivers."
            ),
            field,
            address=address,
        )


def refuse_rings_of(domain: Domain, field: str = "name") -> None:
    """The same for all names of the domain."""
    refuse_rings(domain, served_names(domain), field)
