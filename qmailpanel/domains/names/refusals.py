"""What a page says of mail that is refused still, because its domain or name was removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from qmailpanel.domains.models import Claim, Domain

from .leaving import is_below_others


@dataclass(frozen=True, slots=True)
class Refusal:
    """`names`: those that refuse. `until`: None before the removal is live. `below`: those of them
    that refuse until somebody claims them. `is_leaving`: mail that waits in the queue is refused
    too, until `leaving_until`.
    """

    names: Sequence[str] = ()
    until: datetime | None = None
    below: Sequence[str] = ()
    is_leaving: bool = False
    leaving_until: datetime | None = None


def refusal_of(domain: Domain) -> Refusal | None:
    """Of a removed domain; None where nothing refuses any more."""
    claims = list(domain.names.filter(claims=True, refuses=True).order_by("name"))
    if not (domain.removed and (claims or domain.leaving)):
        return None
    return _refusal(claims, is_leaving=domain.leaving, leaving_until=domain.leaving_until)


def refusal_of_name(claim: Claim) -> Refusal | None:
    """Of a removed alias domain of a domain that is there."""
    if not (claim.removed and claim.refuses) or claim.domain.removed:
        return None
    return _refusal([claim])


def _refusal(
    claims: Sequence[Claim], *, is_leaving: bool = False, leaving_until: datetime | None = None
) -> Refusal:
    times = [claim.refuses_until for claim in claims if claim.refuses_until]
    return Refusal(
        names=[claim.name for claim in claims],
        until=max(times, default=None),
        below=[claim.name for claim in claims if is_below_others(claim)],
        is_leaving=is_leaving,
        leaving_until=leaving_until,
    )
