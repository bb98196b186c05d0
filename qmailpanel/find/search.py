"""Who and what has a text in it: addresses, destinations, domains and people, in any place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Q

from qmailpanel.accounts.models import User
from qmailpanel.domains.addresses.badge import with_state
from qmailpanel.domains.models import (
    Address,
    AddressQuerySet,
    Claim,
    Destination,
    Domain,
    DomainQuerySet,
)
from qmailpanel.people.pages import people_of
from qmailpanel.qmail.names import display_of, stored_of

from .first import SHOWN, Domains, first_of

READ = 50  # domains whose addresses are looked through
SHORTEST = 3  # letters, of any place; fewer are looked for at the beginning alone

Row = TypeVar("Row")


@dataclass
class Found:
    """At most `SHOWN` of each. `has_more`: the kinds of which there are others.

    `rows`: all addresses of these by their numbers, with all that a badge, a link or a route asks.
    `home`, `own`: of a whole address the person's name that takes mail to it, and who has it.
    """

    addresses: list[Address] = field(default_factory=list)
    destinations: list[Destination] = field(default_factory=list)
    domains: list[Domain] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    removed: list[Address] = field(default_factory=list)
    has_more: set[str] = field(default_factory=set)
    rows: dict[int, Address] = field(default_factory=dict)
    home: Claim | None = None
    own: Address | None = None

    @property
    def shown(self) -> list[Address]:
        """Those beside which it is said where their mail goes."""
        return [*self.addresses, *(each.address for each in self.destinations)]

    @property
    def domain_numbers(self) -> set[int]:
        """Of all domains that anything is shown of."""
        return {row.domain_id for row in self.rows.values()} | {row.pk for row in self.domains}

    def __bool__(self) -> bool:
        kinds = (self.addresses, self.destinations, self.domains, self.people, self.removed)
        return any(kinds)


def search(user: User, text: str) -> Found:
    """What the person may see of it. `text` is in lower case."""
    local, _at, host = text.rpartition("@") if "@" in text else (text, "", "")
    mine, home = _domains_of(user), find_home(user, text)
    within = _domains_beginning(user, host, home) if host else mine
    found, own = Found(home=home), find_own(home, local) if home else None
    there = gone = list[int]()
    if local or host:
        there = _first(found, "addresses", _find_there(within, local))
        gone = _first(found, "removed", _find_removed(within, local))
    pointing = _first(found, "destinations", _find_destinations(mine, text))
    found.domains = _first(found, "domains", _find_domains(user, text))
    found.people = _first(found, "people", _find_people(user, text))
    _read(found, there, gone, pointing, own)
    return found


def find_home(user: User, address: str) -> Claim | None:
    """The name of a domain of the person's that takes mail to it, or did."""
    host = address.rpartition("@")[2] if "@" in address else ""
    mine = Claim.objects.for_user(user).filter(claims=True)
    return mine.filter(name=stored_of(host)).first() if host else None


def find_own(home: Claim, local: str) -> int | None:
    """The number of whoever has the address there, removed or not."""
    rows = Address.objects.claiming().filter(domain=home.domain_id, local=local)
    return rows.values_list("pk", flat=True).first()


def _first(found: Found, kind: str, rows: list[Row]) -> list[Row]:
    if len(rows) > SHOWN:
        found.has_more.add(kind)
    return rows[:SHOWN]


def _domains_of(user: User) -> Domains:
    """Those that a person looks after; of an operator all."""
    return None if user.is_operator else set(user.grants.values_list("domain", flat=True))


def _domains_beginning(user: User, host: str, home: Claim | None) -> set[int]:
    """The one that takes mail to the name; else those whose names begin so."""
    if home and not home.removed:
        return {home.domain_id}
    domains = Domain.objects.for_user(user).claiming().starting(host).order_by("name", "id")
    return set(domains.values_list("pk", flat=True)[:READ])


def _find_there(domains: Domains, local: str) -> list[int]:
    """Those that begin so before the others that have it."""
    rows = _claiming(removed=False)
    named = rows.starting(local)
    own = (rows.filter(local=local), named)
    first = first_of(named.order_by("local", "id"), domains, "domain", *own)
    if len(first) > SHOWN or len(local) < SHORTEST:
        return first
    others = _find_having(rows, domains, "find_address", local)
    return list(dict.fromkeys([*first, *others]))


def _find_removed(domains: Domains, local: str) -> list[int]:
    rows = _claiming(removed=True)
    if len(local) >= SHORTEST:
        return _find_having(rows, domains, "find_removed", local)
    named = rows.starting(local)
    return first_of(named.order_by("local", "id"), domains, "domain", named)


def _claiming(*, removed: bool) -> AddressQuerySet:
    return Address.objects.claiming().filter(removed=removed, domain__removed=False)


def _find_having(rows: AddressQuerySet, domains: Domains, index: str, text: str) -> list[int]:
    """With the text in the local part or the comment."""
    has = Q(local__contains=text) | Q(comment__icontains=text)
    return first_of(_indexed(rows, index, text, has), domains, "domain", rows.filter(has))


def _find_destinations(domains: Domains, text: str) -> list[int]:
    if len(text) < SHORTEST:
        return []
    rows = Destination.objects.order_by().filter(
        address__claims=True, address__removed=False, address__domain__removed=False
    )
    has = Q(target__icontains=text)
    found = _indexed(rows, "find_destination", text, has)
    return first_of(found, domains, "address__domain", rows.filter(has))


def _indexed(rows: Any, index: str, text: str, has: Q) -> Any:
    """PostgreSQL takes its index by itself."""
    if connection.vendor != "sqlite":
        return rows.filter(has)
    phrase = '"' + text.replace('"', '""') + '"'
    same = f"{index}.rowid = {rows.model._meta.db_table}.id"
    return rows.extra(tables=[index], where=[same, f"{index} MATCH %s"], params=[phrase])  # noqa: S610 - ours


def _find_domains(user: User, text: str) -> list[Domain]:
    """By their names as DNS has them or as people write them, and by descriptions."""
    mine = Domain.objects.for_user(user).claiming()
    names = Claim.objects.filter(claims=True, removed=False, name__contains=text)
    has = Q(name__contains=text) | Q(description__icontains=text) | Q(pk__in=_read_as(mine, text))
    rows = mine.filter(has | Q(pk__in=names.values("domain"))).order_by("name", "id")
    return list(rows[: SHOWN + 1])


def _read_as(rows: DomainQuerySet, text: str) -> list[int]:
    """Those that have it only as people write them: within a label DNS keeps ASCII together."""
    if "@" in text or (text.isascii() and "." not in text):
        return []
    coded = rows.filter(name__contains="xn--").values_list("pk", "name")
    return [pk for pk, name in coded if text in display_of(name)]


def _find_people(user: User, text: str) -> list[User]:
    """Whom the person sees: of others who look after a domain of theirs."""
    return list(people_of(user).filter(email__icontains=text).order_by("email")[: SHOWN + 1])


def _read(
    found: Found, there: list[int], gone: list[int], pointing: list[int], own: int | None
) -> None:
    """All rows together, with as few queries as there are kinds."""
    targets = Destination.objects.in_bulk(pointing)
    holders = {each.address_id for each in targets.values()}
    found.rows = rows = _read_rows({*there, *gone, *holders, *([own] if own else [])})
    found.own = rows.get(own) if own else None
    found.addresses = [rows[pk] for pk in there if pk in rows]
    found.removed = [rows[pk] for pk in gone if pk in rows]
    for each in (targets[pk] for pk in pointing if pk in targets):
        if each.address_id in rows:
            each.address = rows[each.address_id]
            found.destinations.append(each)


def _read_rows(numbers: Collection[int]) -> dict[int, Address]:
    if not numbers:
        return {}
    rows = with_state(Address.objects.filter(pk__in=numbers))
    whole = rows.select_related("domain", "mailbox", "change").prefetch_related("destinations")
    return {row.pk: row for row in whole}
