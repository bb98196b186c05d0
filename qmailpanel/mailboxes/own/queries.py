"""What the owner's pages read."""

from __future__ import annotations

from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.pointers import aliases_to, references_to
from qmailpanel.ledger.models import Change, Verb

SHOWN = 20  # sign-ins


def find_sign_ins(address: Address) -> list[Change]:
    """The newest sign-ins of the owner to this panel."""
    owner = address.mailbox.owner
    if owner is None:
        return []
    signed_in = Change.objects.filter(actor_name=str(address), verb=Verb.SIGNED_IN, actor=owner)
    return list(signed_in.order_by("-at", "-id")[:SHOWN])


def find_further(address: Address) -> list[str]:
    """The aliases of the domain that deliver here, and here alone or not."""
    aliases = aliases_to(address, references_to(address))
    return [str(alias) for alias in aliases if alias.enabled]
