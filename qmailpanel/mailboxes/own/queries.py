"""What the owner's pages read."""

from __future__ import annotations

from qmailpanel.among import AMONG
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.routes.pointers import holders_to
from qmailpanel.ledger.models import Change, Verb

SHOWN, FURTHER = 20, 200  # sign-ins; aliases


def find_sign_ins(address: Address) -> list[Change]:
    """The newest sign-ins of the owner to this panel."""
    owner = address.mailbox.owner
    if owner is None:
        return []
    signed_in = Change.objects.filter(actor_name=str(address), verb=Verb.SIGNED_IN, actor=owner)
    return list(signed_in.order_by("-at", "-id")[:SHOWN])


def find_further(address: Address) -> list[str]:
    """The first aliases of the domain that deliver here, and here alone or not."""
    near = Address.objects.filter(domain=address.domain, kind=Kind.ALIAS, removed=False)
    there = near.filter(enabled=True, domain__removed=False).order_by("local")
    keys, _is_all = holders_to(address, there, FURTHER)
    aliases = Address.objects.filter(**{f"pk{AMONG}": set(keys)}).select_related("domain")
    return [str(alias) for alias in aliases.order_by("local")]
