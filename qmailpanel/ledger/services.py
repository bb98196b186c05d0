"""Writing the ledger, waking the sync service, and reading what it says about each row."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import chain
from typing import Any, Protocol, Self

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from .chain import digest_of
from .models import Change, Hold, LedgerHead, Noun, SyncNode, SyncPosition, SyncProblem, Verb

HEARTBEAT = timedelta(seconds=10)
SECRETS = {"password", "hash", "token", "secret"}  # what is never a field of a change
IP = Change._meta.get_field("ip")  # knows the spelling that the database gives back


class Refused(ValueError):
    """The person's error: a sentence, and the form field it belongs to ("" for none)."""

    def __init__(self, template: str, field: str = "", **params: object) -> None:
        super().__init__(template, field, params)
        self.template, self.field, self.params = template, field, params

    def __str__(self) -> str:
        return gettext(self.template) % self.params


@dataclass(frozen=True)
class Actor:
    """Who does something: a signed-in person, or `is_trusted`: the command line, the system."""

    user_id: int | None
    name: str
    ip: str | None
    is_trusted: bool = False

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """The signed-in person of a request."""
        return cls(request.user.pk, str(request.user), request.META.get("REMOTE_ADDR") or None)


SYSTEM = Actor(None, "system", None, is_trusted=True)
COMMAND = Actor(None, "command line", None, is_trusted=True)


@contextmanager
def ledger_locked() -> Iterator[None]:
    """The transaction of a service: services take turns, so what they read stays true.

    Lock before you read. On SQLite a transaction is IMMEDIATE and so has the lock already.
    """
    with transaction.atomic():
        _lock()
        yield


def _lock() -> LedgerHead:
    return LedgerHead.objects.select_for_update().get_or_create(pk=1)[0]


def upcoming() -> int:
    """The id of the change that `record()` writes next; true only inside `ledger_locked()`."""
    return _lock().last + 1


def record(
    actor: Actor,
    verb: Verb,
    noun: Noun,
    target: str,
    *,
    domain: int | None = None,
    address: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Change:
    """Write one ledger line in the caller's transaction, and wake sync when that commits."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("record() needs the caller's transaction")
    head = _lock()
    change = Change(
        id=head.last + 1,
        at=timezone.now(),
        actor_id=actor.user_id,
        actor_name=actor.name,
        ip=IP.get_prep_value(actor.ip),
        verb=verb,
        noun=noun,
        target=target,
        domain=domain,
        address=address,
        before=_open(before),
        after=_open(after),
    )
    change.digest = digest_of(change, head.digest)
    change.save(force_insert=True)
    head.last, head.digest = change.id, change.digest
    head.save(update_fields=["last", "digest"])
    transaction.on_commit(pull)
    return change


def _open(fields: dict[str, Any] | None) -> dict[str, Any]:
    """What may be read by everybody who may see the change, for ever."""
    secret = SECRETS & set(fields or {})
    if secret:
        raise ValueError(f"the ledger keeps no secrets: {', '.join(secret)}")
    return fields or {}


def _open_fifo() -> int | None:
    """The writing end of the fifo; none without a fifo or without a reader. See fifo(7)."""
    try:
        fifo = os.open(settings.QMAILPANEL_FIFO, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISFIFO(os.fstat(fifo).st_mode):
        return fifo
    os.close(fifo)
    return None


def pull() -> None:
    """Wake the sync service if it runs; if not, its slow poll or next start finds the change."""
    fifo = _open_fifo()
    if fifo is None:
        return
    try:
        os.write(fifo, b"\0")
    except OSError:
        pass  # full, so it is about to wake anyway, or gone this moment
    finally:
        os.close(fifo)


def fifo_has_reader() -> bool:
    """Does a sync service on this host listen right now?"""
    fifo = _open_fifo()
    if fifo is not None:
        os.close(fifo)
    return fifo is not None


def find_node() -> SyncNode | None:
    """What the sync service of this panel's node says of itself and of its host."""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE).first()


def is_alive(node: SyncNode | None) -> bool:
    """Has its sync service shown a sign of life lately?"""
    heartbeat = node.heartbeat if node else None
    return heartbeat is not None and heartbeat > timezone.now() - HEARTBEAT


def held_after() -> int | None:
    """The newest change that may be applied; None where nothing waits for the operator."""
    return Hold.objects.filter(on=True).values_list("through", flat=True).first()


def holds_quotas() -> bool:
    """Does the mail server count at delivery, so that it can refuse what is over a quota?"""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE, holds_quotas=True).exists()


def answers_mail() -> bool:
    """Has the mail server the program that sends auto-replies?"""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE, answers_mail=True).exists()


def knows_recipients() -> bool:
    """Does the mail server ask a list of known recipients, so that it can refuse others?"""
    return SyncNode.objects.filter(node=settings.QMAILPANEL_NODE, knows_recipients=True).exists()


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


class ChangedInDomain(Changed, Protocol):
    """The same of an address."""

    @property
    def domain_id(self) -> int: ...


class Statuses:
    """What may be said about the rows of these domains: two queries, however many they are."""

    def __init__(self, domains: Iterable[int]) -> None:
        ids, node = set(domains), settings.QMAILPANEL_NODE
        positions = SyncPosition.objects.filter(node=node, domain__in=ids)
        problems = SyncProblem.objects.filter(Q(domain__in=ids) | Q(domain=None), node=node)
        self._positions = {position.domain: position for position in positions}
        self._problems: dict[tuple[int | None, int | None], list[SyncProblem]] = defaultdict(list)
        for problem in problems.order_by("id"):
            self._problems[problem.domain, problem.address].append(problem)

    def of_domain(self, domain: Changed) -> Status:
        return self._status(domain, domain.pk, self.problem_of_domain(domain))

    def of_address(self, address: ChangedInDomain) -> Status:
        return self._status(address, address.domain_id, self.problem_of_address(address))

    def of_name(self, name: ChangedInDomain) -> Status:
        """Of an alias domain: it has no problems of its own."""
        return self._status(name, name.domain_id, self._first(name.domain_id))

    def problem_of_domain(self, domain: Changed) -> SyncProblem | None:
        """What concerns the domain as a whole."""
        return self._first(domain.pk)

    def problem_of_address(self, address: ChangedInDomain) -> SyncProblem | None:
        """Its own problem, else that of its whole domain."""
        return self._first(address.domain_id, address.pk) or self._first(address.domain_id)

    def problems_of_domain(self, domain: Changed) -> list[SyncProblem]:
        """The problems of the domain and of its addresses."""
        owned = (found for (owner, _), found in self._problems.items() if owner == domain.pk)
        return list(chain.from_iterable(owned))

    @property
    def problems_of_host(self) -> list[SyncProblem]:
        """What concerns every domain of the host."""
        return self._problems.get((None, None), [])

    def _first(self, domain: int, address: int | None = None) -> SyncProblem | None:
        return next(iter(self._problems.get((domain, address), [])), None)

    def _status(self, row: Changed, domain: int, problem: SyncProblem | None) -> Status:
        position = self._positions.get(domain) or SyncPosition()
        if row.change_id > max(position.tried, position.applied):
            return Status.PENDING  # a problem of an earlier try says nothing about this change
        if problem:
            return Status.FAILED
        if row.change_id <= position.applied:
            return Status.REMOVED if row.removed else Status.LIVE
        return Status.FAILED if self.problems_of_host else Status.PENDING
