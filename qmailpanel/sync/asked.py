"""Which rows of which domains are read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q


@dataclass(frozen=True)
class Asked:
    """All of these domains, or some `addresses` of theirs."""

    domains: Sequence[int]
    addresses: Collection[int] | None = None

    def addressed(self, prefix: str = "") -> Q:
        """Of these addresses; `prefix` leads from the row to its address."""
        if self.addresses is None:
            return Q(**{f"{prefix}domain__in": self.domains})
        return Q(**{f"{prefix.removesuffix('__') or 'pk'}__in": self.addresses})
