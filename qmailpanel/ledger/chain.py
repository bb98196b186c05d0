"""The chain that binds every change to all before it, so that none is altered unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain as joined
from typing import Any

from django.db.models import Subquery
from django.db.models.functions import Coalesce

from qmailpanel.paging import pieces

from .models import Change, LedgerHead

FIELDS = (
    *("id", "at", "actor_id", "actor_name", "ip", "verb", "noun", "target"),
    *("domain", "address", "before", "after"),
)


def chain(previous: str, fields: Mapping[str, Any]) -> str:
    """The digest of a change: over its fields, and over the digest of the change before it.

    What is digested is JSON with sorted keys, in ASCII, times in UTC to the microsecond.
    """
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=_utc)
    return sha256(f"{previous}\n{text}".encode()).hexdigest()


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def digest_of(change: Change, previous: str) -> str:
    """What `change.digest` must be."""
    return chain(previous, {name: getattr(change, name) for name in FIELDS})


@dataclass(frozen=True)
class Verdict:
    """Through which change the chain holds, with its digest; `broken`: the first that does not."""

    through: int
    digest: str
    broken: int | None = None


def verify() -> Verdict:
    """Read the whole ledger, a piece at a time; people can go on working."""
    head = LedgerHead.objects.first() or LedgerHead()
    through, digest = 0, ""
    known = Change.objects.filter(id__lte=head.last)
    for change in joined.from_iterable(pieces(known, key=["id"])):
        if change.id != through + 1 or change.digest != digest_of(change, digest):
            return Verdict(through, digest, broken=through + 1)
        through, digest = change.id, change.digest
    if through < head.last:
        return Verdict(through, digest, broken=through + 1)
    return Verdict(through, digest, broken=through if digest != head.digest else _first_beyond())


def _first_beyond() -> int | None:
    """A change that the head knows nothing of; asked in one query, because people go on."""
    last = Coalesce(Subquery(LedgerHead.objects.values("last")[:1]), 0)
    beyond = Change.objects.filter(id__gt=last).order_by("id")
    return beyond.values_list("id", flat=True).first()
