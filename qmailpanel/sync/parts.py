"""Which addresses of a domain a run has to look at, where nothing else of it was changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower

from qmailpanel.domains.models import Address, Claim, Destination, Domain
from qmailpanel.qmail.formats.shared_files import Part
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.reports.models import SyncPosition, SyncProblem

_ANSWERS = "mailbox__auto_reply__running"
MOST = 20_000  # addresses; with more of them, domains are looked at as a whole


@dataclass(frozen=True)
class PartRows:
    """Some addresses of a domain: their local parts, and the numbers of their rows.

    Rows that are gone are among the numbers, as long as something is said of them. `answering`:
    those of mailboxes that answer by themselves. `has_removed`: some of them are removed.
    """

    locals: Part
    addresses: frozenset[int]
    answering: Part = frozenset()
    has_removed: bool = False


Parts = Mapping[int, PartRows]  # by domain
NOTHING: Parts = {}


@dataclass
class _Part:
    """The same while it is found. `since`: the change through which the domain is live.

    `given_up`: local parts that a row gave up, so that another one may have them. `is_text`: all of
    them are, as no hand in the database could assure.
    """

    locals: set[str]
    addresses: set[int] = field(default_factory=set)
    answering: set[str] = field(default_factory=set)
    has_removed: bool = False
    given_up: set[str] = field(default_factory=set)
    name: str = ""
    since: int = 0
    is_changed: bool = False
    is_text: bool = True

    @classmethod
    def of(cls, rows: PartRows) -> _Part:
        return cls({*rows.locals}, {*rows.addresses}, {*rows.answering}, rows.has_removed)

    def rows(self) -> PartRows:
        some = frozenset(self.locals), frozenset(self.addresses), frozenset(self.answering)
        return PartRows(*some, self.has_removed)


def find_parts(domains: Sequence[int], memory: Memory) -> Parts:
    """By domain; those that want a look as a whole are left out.

    A part has what was changed since the domain was live, what failed, what a run that was cut has
    begun, and the addresses of the domain that these deliver to or that deliver to these: an alias
    of one mailbox has a line that leads to its home.
    """
    parts = _find_live(domains, memory)
    _add_failed(parts)
    _add_changed(parts)
    _add_near(parts)
    if sum(len(part.addresses) for part in parts.values()) > MOST:
        return {}
    return _with_asking(_rows_of(parts))


def part_of(domain: int, locals_: Set[str]) -> dict[int, PartRows]:
    """All rows of these local parts of a domain."""
    part = _Part({*locals_})
    _take({domain: part}, [Q(local__in=part.locals)])
    return _with_asking(_rows_of({domain: part}))


def widened(parts: Parts, near: Mapping[int, Set[str]]) -> dict[int, PartRows]:
    """With these local parts of their domains too."""
    return _with_asking(_widened(parts, near))


def _with_asking(parts: dict[int, PartRows]) -> dict[int, PartRows]:
    """With the aliases of the mailboxes that answer: an answer is to mail for any of them."""
    answering = {pk: part.answering for pk, part in parts.items() if part.answering}
    names = Claim.objects.filter(domain__in=answering, claims=True, removed=False)
    asked = [
        Q(address__domain=pk, lower__in=[f"{local}@{name}" for local in answering[pk]])
        for pk, name in names.values_list("domain", "name")
    ]
    if not asked:
        return parts
    near = defaultdict[int, set[str]](set)
    asking = _destinations().filter(reduce(or_, asked), address__claims=True)
    for pk, local in asking.values_list("address__domain", "address__local"):
        near[pk].add(local)
    return _widened(parts, near) if near else parts


def _widened(parts: Parts, near: Mapping[int, Set[str]]) -> dict[int, PartRows]:
    asked = reduce(or_, (Q(domain=pk, local__in=locals_) for pk, locals_ in near.items()))
    wider = {pk: _Part.of(part) for pk, part in parts.items()}
    for pk, locals_ in near.items():
        wider[pk].locals |= locals_
    _take(wider, [asked])
    return _rows_of(wider)


def _rows_of(parts: Mapping[int, _Part]) -> dict[int, PartRows]:
    return {pk: part.rows() for pk, part in parts.items() if part.is_text}


def _find_live(domains: Sequence[int], memory: Memory) -> dict[int, _Part]:
    """Those of which nothing but addresses was changed since they were live."""
    position = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE, domain=OuterRef("pk"))
    rows = Domain.objects.filter(pk__in=domains, removed=False)
    rows = rows.annotate(applied=Subquery(position.values("applied")))
    columns = "id", "name", "applied", "change_id", "unknown_target"
    return {
        pk: _Part(
            _begun(memory, name) | _own(name, target),
            name=name,
            since=applied,
            is_changed=change > applied,
        )
        for pk, name, applied, change, target in rows.filter(frame__lte=F("applied")).values_list(
            *columns
        )
        if isinstance(name, str) and memory.sections([name], {name: frozenset()})[name]
    }


def _begun(memory: Memory, name: str) -> set[str]:
    return {local for local in memory.unfinished(name) if local}


def _own(name: str, address: object) -> set[str]:
    """The local part of an address of the domain."""
    if not isinstance(address, str):
        return set()
    local, _, domain = address.lower().rpartition("@")
    return {local} if local and domain == name else set()


def _add_failed(parts: dict[int, _Part]) -> None:
    """Where what failed is no address, the whole domain is tried again."""
    problems = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE, domain__in=list(parts))
    for domain, address in list(problems.values_list("domain", "address")):
        if address is None:
            parts.pop(domain or 0, None)
        elif domain in parts:
            parts[domain].addresses.add(address)


def _add_changed(parts: dict[int, _Part]) -> None:
    """A domain with a change that is of none of its addresses is looked at as a whole."""
    asked = [
        Q(domain=pk) & (Q(change__gt=part.since) | Q(local__in=part.locals))
        for pk, part in parts.items()
    ]
    failed = [number for part in parts.values() for number in part.addresses]
    unexplained = {pk for pk, part in parts.items() if part.is_changed}
    for domain, change in _take(parts, [Q(pk__in=failed), *asked]):
        if change > parts[domain].since:
            unexplained.discard(domain)
    for domain in unexplained:
        del parts[domain]


def _take(parts: Mapping[int, _Part], asked: Sequence[Q]) -> list[tuple[int, int]]:
    """Add these rows to the parts of their domains; the domain and the change of each."""
    rows = Address.objects.filter(reduce(or_, asked), domain__in=list(parts))
    taken = []
    for pk, domain, local, claims, removed, change, answers in rows.values_list(
        "id", "domain_id", "local", "claims", "removed", "change_id", _ANSWERS
    ):
        part = parts[domain]
        part.is_text &= isinstance(local, str)
        part.locals.add(local)
        part.addresses.add(pk)
        part.has_removed |= removed
        if not claims:
            part.given_up.add(local)
        if answers:
            part.answering.add(local)
        taken.append((domain, change))
    return taken


def _add_near(parts: dict[int, _Part]) -> None:
    near = {pk: {*part.given_up} for pk, part in parts.items()}
    for domain, local, target in _find_near(parts).values_list(
        "address__domain", "address__local", "target"
    ):
        part = parts[domain]
        near[domain] |= ({local} | _own(part.name, target)) - part.locals
    asked = [Q(domain=pk, local__in=locals_) for pk, locals_ in near.items() if locals_]
    if asked:
        _take(parts, asked)


def _find_near(parts: Mapping[int, _Part]) -> QuerySet[Destination]:
    """Where they deliver, and who of their domains delivers to them."""
    addresses = [number for part in parts.values() for number in part.addresses]
    targets = [f"{local}@{part.name}" for part in parts.values() for local in part.locals]
    to = Q(lower__in=targets, address__domain__in=list(parts))
    return _destinations().filter(to | Q(address__in=addresses))


def _destinations() -> QuerySet[Destination]:
    """Each with `lower`, its target as it is compared."""
    return Destination.objects.alias(lower=Lower("target"))
