"""Where an address delivers, as its row says."""

from __future__ import annotations

from .models import Address


def targets_of(address: Address) -> list[str]:
    """Where an alias delivers, or a mailbox forwards to, in the order typed."""
    if not has_targets(address):
        return []
    return [destination.target for destination in address.destinations.all()]


def has_targets(address: Address) -> bool:
    """Of a row that came with the answer; of others it is not known before they are read."""
    return getattr(address, "has_forwards", None) is not False
