"""Which addresses of a domain a run has to look at, where nothing else of it was changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from qmailpanel.domains.models import Address, Claim, Destination
from qmailpanel.mailboxes.models import AppPassword
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.reports.models import SyncProblem

from .address_rows import READ
from .ready import Given, Row, Rows, ready
from .standing import Standing, read_standing

_PURGED = "mailbox__purged"
MOST = 20_000  # addresses; with more of them, domains are looked at as a whole


@dataclass
class PartRows:
    """Some addresses of a domain: their local parts, their rows, and the numbers of these.

    Rows that are gone are among the numbers, as long as something is said of them. `targets`: where
    some of them deliver to besides, by number; of the others nobody has asked yet.
    """

    standing: Standing
    locals: set[str]
    addresses: set[int] = field(default_factory=set)
    rows: dict[int, Row] = field(default_factory=dict)
    targets: dict[int, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The domain's."""
        return str(self.standing.row["name"])

    @property
    def since(self) -> int:
        """The change through which the domain is live."""
        return self.standing.applied or 0

    @property
    def is_text(self) -> bool:
        """Whether all local parts are, as no hand in the database could assure."""
        return all(isinstance(local, str) for local in self.locals)

    def answering(self) -> set[str]:
        """Those of mailboxes that answer by themselves."""
        rows = self.rows.values()
        return {row["local"] for row in rows if row["mailbox__auto_reply__running"]}

    def given_up(self) -> set[str]:
        """Those that a row gave up, so that another one may have them."""
        return {row["local"] for row in self.rows.values() if not row["claims"]}

    def purged(self) -> dict[int, int]:
        """The homes whose mail is to be destroyed, and their addresses."""
        return {row["mailbox__home"]: row["id"] for row in self._removed() if row[_PURGED]}

    def nameless(self) -> frozenset[int]:
        """The homes of removed mailboxes whose name somebody else may have by now."""
        gone = [row for row in self._removed() if not (row[_PURGED] or row["claims"])]
        return frozenset(row["mailbox__home"] for row in gone)

    def _removed(self) -> list[Row]:
        """Rows of mailboxes."""
        return [row for row in self.rows.values() if row["removed"] and row["mailbox__id"]]

    def take(self, row: Row) -> None:
        self.rows[row["id"]] = row
        self.locals.add(row["local"])
        self.addresses.add(row["id"])


_Asked = tuple[int, int | None, Sequence[str]]  # a domain, changed since when, some local parts
Parts = Mapping[int, PartRows]  # by domain
NOTHING: Parts = {}
Locals = Mapping[int, Set[str]]  # local parts by domain
NO_LOCALS: Locals = {}


def find_parts(domains: Sequence[Standing], memory: Memory, also: Locals = NO_LOCALS) -> Parts:
    """By domain; those that want a look as a whole are left out.

    A part has `also` those local parts, what was changed since the domain was live, what failed,
    what a run that was cut has begun, and the addresses of the domain that these deliver to or that
    deliver to these: an alias of one mailbox has a line that leads to its home.
    """
    live = [domain for domain in domains if _is_live_but_for_addresses(domain, memory)]
    parts = {one.pk: PartRows(one, _begun(memory, one) | _catching(one)) for one in live}
    for pk in parts.keys() & also.keys():
        parts[pk].locals.update(also[pk])
    _add_failed(parts)
    _add_changed(parts)
    _add_near(parts)
    if sum(len(part.addresses) for part in parts.values()) > MOST:
        return {}
    return _with_asking(parts)


def part_of(domain: int, locals_: Set[str]) -> Parts:
    """All rows of these local parts of a domain."""
    [standing] = read_standing([domain])
    return widened({domain: PartRows(standing, set())}, {domain: locals_})


def widened(parts: Parts, near: Mapping[int, Set[str]]) -> Parts:
    """With these local parts of their domains too."""
    return _with_asking(_widened(parts, near))


def _with_asking(parts: Parts) -> Parts:
    """With the aliases of the mailboxes that answer: an answer is to mail for any of them."""
    answering = {pk: those for pk, part in parts.items() if (those := part.answering())}
    if not answering:
        return _of_text(parts)
    names = Claim.objects.filter(domain__in=answering, claims=True, removed=False)
    asked = [
        Q(address__domain=pk, lower__in=[f"{local}@{name}" for local in answering[pk]])
        for pk, name in names.values_list("domain", "name")
    ]
    near = defaultdict[int, set[str]](set)
    asking = _destinations().filter(_any(asked), address__claims=True)
    for pk, local in asking.values_list("address__domain", "address__local"):
        near[pk].add(local)
    return _of_text(_widened(parts, near))


def _widened(parts: Parts, near: Mapping[int, Set[str]]) -> Parts:
    for pk, locals_ in near.items():
        parts[pk].locals.update(locals_)
    _take(parts, [], [(pk, None, [*locals_]) for pk, locals_ in near.items() if locals_])
    return parts


def _of_text(parts: Parts) -> Parts:
    return {pk: part for pk, part in parts.items() if part.is_text}


def _is_live_but_for_addresses(domain: Standing, memory: Memory) -> bool:
    """Whether nothing but addresses of it was changed since it was live."""
    name, frame = domain.row["name"], domain.row["frame"]
    if domain.row["removed"] or domain.applied is None or not isinstance(name, str):
        return False
    is_same_frame = isinstance(frame, int) and frame <= domain.applied
    return is_same_frame and bool(memory.sections([name], {name: frozenset()})[name])


def _begun(memory: Memory, domain: Standing) -> set[str]:
    return {local for local in memory.unfinished(domain.row["name"]) if local}


def _catching(domain: Standing) -> set[str]:
    """Who gets what is for nobody."""
    return _own(domain.row["name"], domain.row["unknown_target"])


def _own(name: str, address: object) -> set[str]:
    """The local part of an address of the domain."""
    if not isinstance(address, str):
        return set()
    local, _, domain = address.lower().rpartition("@")
    return {local} if local and domain == name else set()


def _add_failed(parts: dict[int, PartRows]) -> None:
    """Where what failed is no address, the whole domain is tried again."""
    failed = [pk for pk, part in parts.items() if part.standing.has_problems]
    if not failed:
        return
    problems = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE, domain__in=failed)
    for domain, address in list(problems.values_list("domain", "address")):
        if address is None:
            parts.pop(domain or 0, None)
        elif domain in parts:
            parts[domain].addresses.add(address)


def _add_changed(parts: dict[int, PartRows]) -> None:
    """A domain with a change that is of none of its addresses is looked at as a whole."""
    asked = [(pk, part.since, [*part.locals]) for pk, part in parts.items()]
    failed = [number for part in parts.values() for number in part.addresses]
    unexplained = {pk for pk, part in parts.items() if part.standing.row["change_id"] > part.since}
    for row in _take(parts, failed, asked):
        if row["change_id"] > parts[row["domain_id"]].since:
            unexplained.discard(row["domain_id"])
    for domain in unexplained:
        del parts[domain]


def _take(parts: Parts, addresses: Sequence[int], asked: Sequence[_Asked]) -> Sequence[Row]:
    """Add these rows to the parts of their domains."""
    if not parts or not (addresses or asked):
        return ()
    those = [(domain, [] if since is None else [since], some) for domain, since, some in asked]
    taken = _address_rows(list(parts), addresses, those)
    for row in taken:
        parts[row["domain_id"]].take(row)
    return taken


@ready
def _address_rows(
    domains: Sequence[Given],
    addresses: Sequence[Given],
    asked: Sequence[tuple[Given, Sequence[Given], Sequence[Given]]],
) -> Rows:
    apps = AppPassword.objects.filter(mailbox__address=OuterRef("pk"))
    which = [Q(pk__in=addresses)]
    for domain, since, locals_ in asked:
        some = [Q(local__in=locals_), *(Q(change__gt=change) for change in since)]
        which.append(Q(domain=domain) & _any(some))
    rows: Rows = Address.objects.annotate(has_apps=Exists(apps))
    those = rows.filter(_any(which), domain__pk__in=domains)
    return those.values(*READ, "claims", "change_id", "has_apps", _PURGED)


def _add_near(parts: Parts) -> None:
    near = {pk: part.given_up() for pk, part in parts.items()}
    for part in parts.values():
        part.targets = {number: [] for number in part.addresses}
    for row in _find_near(parts):
        domain, target = row["address__domain"], row["target"]
        part = parts[domain]
        part.targets.setdefault(row["address"], []).append(target)
        near[domain] |= {row["address__local"]} | _own(part.name, target)
    _widened(parts, {pk: locals_ - parts[pk].locals for pk, locals_ in near.items()})


def _find_near(parts: Parts) -> list[Row]:
    """Where they deliver, and where those of their domains do that deliver to them."""
    addresses = [number for part in parts.values() for number in part.addresses]
    targets = [f"{local}@{part.name}" for part in parts.values() for local in part.locals]
    return _near_rows(list(parts), addresses, targets)


@ready
def _near_rows(
    domains: Sequence[Given], addresses: Sequence[Given], targets: Sequence[Given]
) -> Rows:
    to = _destinations().filter(lower__in=targets, address__domain__pk__in=domains)
    those = Q(address__in=to.values("address")) | Q(address__pk__in=addresses)
    rows = Destination.objects.filter(those)
    return rows.values("address", "address__domain", "address__local", "target")


def _destinations() -> Rows:
    """Each with `lower`, its target as it is compared."""
    return Destination.objects.alias(lower=Lower("target"))


def _any(asked: Collection[Q]) -> Q:
    return reduce(or_, asked, Q(pk__in=()))
