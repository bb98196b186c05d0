"""What may be said of a row: a comparison of numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from itertools import chain
from typing import Any, Protocol

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from qmailpanel.reports.models import SyncPosition, SyncProblem


class Status(StrEnum):
    """The only states a domain or address can show."""

    PENDING = "pending"
    LIVE = "live"
    FAILED = "failed"
    REMOVED = "removed"


class Changed(Protocol):
    """A row that carries its newest change: a domain."""

    @property
    def pk(self) -> Any: ...
    @property
    def change_id(self) -> int: ...
    @property
    def removed(self) -> bool: ...


class Switched(Changed, Protocol):
    """The same of one that can be off."""

    @property
    def enabled(self) -> bool: ...


class Whole(Switched, Protocol):
    """The same of a domain, with the newest change that is also one of all that is in it."""

    @property
    def whole(self) -> int: ...


class ChangedInDomain(Changed, Protocol):
    """The same of an address."""

    @property
    def domain_id(self) -> int: ...
    @property
    def domain(self) -> Whole: ...


class NameOfDomain(ChangedInDomain, Protocol):
    """The same of an alias domain."""

    @property
    def name(self) -> str: ...


Subject = tuple[int | None, int | None, str]  # domain, address, name of an alias domain


class Statuses:
    """What may be said about the rows of these domains, however many they are: one query, or two
    where something failed.
    """

    def __init__(self, domains: Iterable[int]) -> None:
        ids, node = set(domains), settings.QMAILPANEL_NODE
        problems = SyncProblem.objects.filter(Q(domain__in=ids) | Q(domain=None), node=node)
        positions = SyncPosition.objects.filter(node=node, domain__in=ids)
        positions = positions.annotate(has_failed=Exists(problems))
        self._positions = {position.domain: position for position in positions}
        self._problems: dict[Subject, list[SyncProblem]] = defaultdict(list)
        if all(getattr(each, "has_failed", True) for each in self._positions.values()):
            for problem in problems.order_by("id"):
                self._problems[problem.domain, problem.address, problem.name].append(problem)

    def of_domain(self, domain: Changed) -> Status:
        problem = self.problem_of_domain(domain)
        return self._status(domain.change_id, domain.pk, problem, removed=domain.removed)

    def of_address(self, address: ChangedInDomain) -> Status:
        return self._status_within(address, self.problem_of_address(address))

    def explain_address(self, address: ChangedInDomain) -> tuple[Status, str]:
        """Its status, and why it failed if that is a problem of its own."""
        problem = self.problem_of_address(address)
        status = self._status_within(address, problem)
        is_own = status is Status.FAILED and problem and problem.address == address.pk
        return status, problem.text if problem and is_own else ""

    def is_left(self, address: ChangedInDomain) -> bool:
        """Whether something of it stays as others wrote it, because an operator decided so."""
        position = self._positions.get(address.domain_id)
        return position is not None and address.pk in position.left

    def is_left_within(self, domain: Changed) -> bool:
        """The same of the domain itself or of any of its addresses."""
        position = self._positions.get(domain.pk)
        return position is not None and bool(position.left)

    def of_name(self, name: NameOfDomain) -> Status:
        """Of an alias domain."""
        own = self._first(name.domain_id, name=name.name)
        return self._status_within(name, own or self._first(name.domain_id))

    def problem_of_domain(self, domain: Changed) -> SyncProblem | None:
        """What concerns the domain as a whole."""
        return self._first(domain.pk)

    def problem_of_address(self, address: ChangedInDomain) -> SyncProblem | None:
        """Its own problem, else that of its whole domain."""
        return self._first(address.domain_id, address.pk) or self._first(address.domain_id)

    def problems_around(self, domain: Changed | None) -> list[SyncProblem]:
        """What concerns more than one address: the host, and the domain if there is one."""
        of_domain = self.problems_of_domain(domain) if domain else []
        return [*self.problems_of_host, *(one for one in of_domain if one.address is None)]

    def problems_of_domain(self, domain: Changed) -> list[SyncProblem]:
        """The problems of the domain, its addresses and its alias domains."""
        owned = (found for (owner, _, _), found in self._problems.items() if owner == domain.pk)
        return list(chain.from_iterable(owned))

    def failed_within(self, domain: Changed) -> int:
        """How many of its addresses and alias domains failed, while it is itself as wanted."""
        if self.of_domain(domain) not in (Status.LIVE, Status.REMOVED):
            return 0
        return len({(one.address, one.name) for one in self.problems_of_domain(domain)})

    @property
    def problems_of_host(self) -> list[SyncProblem]:
        """What concerns every domain of the host."""
        return self._problems.get((None, None, ""), [])

    def _first(self, domain: int, address: int | None = None, name: str = "") -> SyncProblem | None:
        return next(iter(self._problems.get((domain, address, name), [])), None)

    def _status_within(self, row: ChangedInDomain, problem: SyncProblem | None) -> Status:
        change = row.change_id if row.removed else max(row.change_id, row.domain.whole)
        return self._status(change, row.domain_id, problem, removed=row.removed)

    def _status(
        self, change: int, domain: int, problem: SyncProblem | None, *, removed: bool
    ) -> Status:
        position = self._positions.get(domain) or SyncPosition()
        if change > max(position.tried, position.applied):
            return Status.PENDING  # a problem of an earlier try says nothing about this change
        if problem:
            return Status.FAILED
        if change <= position.applied:
            return Status.REMOVED if removed else Status.LIVE
        return Status.FAILED if self.problems_of_host else Status.PENDING


def live_or_removed(*, domain: str, address: str, changes: Iterable[str]) -> Q:
    """What the database asks for addresses that are `Status.LIVE` or `Status.REMOVED`.

    Each is named from the row that is asked for. `changes`: that are live then.
    """
    here = {"node": settings.QMAILPANEL_NODE, "domain": OuterRef(domain)}
    applied = SyncPosition.objects.filter(**here)
    for change in changes:
        applied = applied.filter(applied__gte=OuterRef(change))
    problems = SyncProblem.objects.filter(
        Q(address=None) | Q(address=OuterRef(address)), **here, name=""
    )
    return Q(Exists(applied)) & ~Q(Exists(problems))
