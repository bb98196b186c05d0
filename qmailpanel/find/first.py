"""The first rows that have a text: soon, however many have it, and whoever's they are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from qmailpanel.among import AMONG

SHOWN = 8  # of each kind; one more is looked for
LOOKED_AT = 500  # rows of everybody, before one's own domains are looked through

Domains = Collection[int] | None  # None: all


def first_of(found: Any, domains: Domains, domain: str, *own: Any) -> list[int]:
    """The numbers of some of these rows that are in the domains, in their order.

    `found`: an index finds them, and knows no domains. `own`: the same rows where one's own domains
    are read for them, the better ones before. They are asked only if too many others have the text.
    """
    if domains is None:
        return list(found.values_list("pk", flat=True)[: SHOWN + 1])
    if not domains:
        return []
    pairs = list(found.values_list("pk", domain)[:LOOKED_AT])
    mine = [pk for pk, owner in pairs if owner in domains][: SHOWN + 1]
    if len(mine) > SHOWN or len(pairs) < LOOKED_AT:
        return mine
    return _first_of_own([rows.filter(**{f"{domain}__id{AMONG}": domains}) for rows in own])


def _first_of_own(queries: list[Any]) -> list[int]:
    mine = list[int]()
    for rows in queries:
        if len(mine) <= SHOWN:
            mine += rows.values_list("pk", flat=True)[: SHOWN + 1]
    return list(dict.fromkeys(mine))[: SHOWN + 1]
