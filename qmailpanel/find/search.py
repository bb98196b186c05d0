"""Who and what has a text in it: addresses, destinations, domains and people, in any place."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Q

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, AddressQuerySet, Claim, Destination, Domain
from qmailpanel.qmail.names import display_of, stored_of

SHOWN = 8  # of each kind
READ = 50  # domains whose addresses are looked through
SHORTEST = 3  # letters, of any place; fewer are looked for at the beginning alone

Row = TypeVar("Row")


@dataclass
class Found:
    """At most `SHOWN` of each. `has_more`: the kinds of which there are others."""

    addresses: list[Address] = field(default_factory=list)
    destinations: list[Destination] = field(default_factory=list)
    domains: list[Domain] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    removed: list[Address] = field(default_factory=list)
    has_more: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        kinds = (self.addresses, self.destinations, self.domains, self.people, self.removed)
        return any(kinds)


def search(user: User, text: str) -> Found:
    """What the person may see of it. `text` is in lower case."""
    found = Found()
    for kind, removed in (("addresses", False), ("removed", True)):
        rows = _find_addresses(user, text, removed=removed)
        setattr(found, kind, _first(found, kind, rows))
    found.destinations = _first(found, "destinations", _find_destinations(user, text))
    found.domains = _first(found, "domains", _find_domains(user, text))
    people = User.objects.for_user(user).filter(email__icontains=text).order_by("email")
    found.people = _first(found, "people", list(people[: SHOWN + 1]) if user.is_operator else [])
    return found


def _first(found: Found, kind: str, rows: list[Row]) -> list[Row]:
    if len(rows) > SHOWN:
        found.has_more.add(kind)
    return rows[:SHOWN]


def _find_addresses(user: User, text: str, *, removed: bool) -> list[Address]:
    """Those that begin so before the others."""
    local, _at, host = text.rpartition("@") if "@" in text else (text, "", "")
    mine = Address.objects.for_user(user).claiming().select_related("domain", "mailbox")
    mine = mine.filter(removed=removed, domain__removed=False)
    if host:
        mine = mine.filter(domain__in=_domains_beginning(user, host))
    elif not local:
        return []
    first = list(mine.starting(local).order_by("local", "id")[: SHOWN + 1])
    others = mine.exclude(pk__in=[row.pk for row in first])
    if host:
        return [*first, *others.filter(local__contains=local)[: SHOWN + 1]]
    return [*first, *_having(others, user, local)[: SHOWN + 1]]


def _domains_beginning(user: User, host: str) -> list[int]:
    """Their numbers, the one that is called so first; also by the names of alias domains."""
    names = Claim.objects.for_user(user).filter(claims=True, removed=False, name=stored_of(host))
    domains = Domain.objects.for_user(user).claiming().starting(host).order_by("name", "id")
    ids = [*names.values_list("domain", flat=True), *domains.values_list("pk", flat=True)[:READ]]
    return list(dict.fromkeys(ids))


def _having(rows: AddressQuerySet, user: User, text: str) -> AddressQuerySet:
    """With the text in the local part or the comment."""
    if len(text) < SHORTEST:
        return rows.none()
    lookups = ("local__contains", "comment__icontains")
    found: AddressQuerySet = _with_text(rows, user, "find_address", text, *lookups)
    return found


def _find_destinations(user: User, text: str) -> list[Destination]:
    if len(text) < SHORTEST:
        return []
    mine = Destination.objects.select_related("address__domain").filter(
        address__claims=True, address__removed=False, address__domain__removed=False
    )
    if not user.is_operator:
        mine = mine.filter(address__domain__grants__user=user)
    found = _with_text(mine, user, "find_destination", text, "target__icontains")
    return list(found[: SHOWN + 1])


def _with_text(rows: Any, user: User, index: str, text: str, *lookups: str) -> Any:
    """Of somebody with a few domains, their own rows are read; SQLite's index knows no domains."""
    if connection.vendor == "sqlite" and user.is_operator:
        phrase = '"' + text.replace('"', '""') + '"'
        same = f"{index}.rowid = {rows.model._meta.db_table}.id"
        return rows.extra(tables=[index], where=[same, f"{index} MATCH %s"], params=[phrase])  # noqa: S610 - ours
    return rows.filter(reduce(or_, (Q((lookup, text)) for lookup in lookups)))


def _find_domains(user: User, text: str) -> list[Domain]:
    """By their names as DNS has them or as people write them, and by descriptions."""
    mine = Domain.objects.for_user(user).claiming()
    coded = mine.filter(name__contains="xn--").values_list("pk", "name")
    read = [pk for pk, name in coded if text in display_of(name)]
    names = Claim.objects.filter(claims=True, removed=False, name__contains=text)
    has = Q(name__contains=text) | Q(description__icontains=text) | Q(pk__in=read)
    rows = mine.filter(has | Q(pk__in=names.values("domain"))).order_by("name", "id")
    return list(rows[: SHOWN + 1])
