"""Writing the ledger: one change for each service call, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.trigger import pull

from .chain import digest_of
from .models import Change, Hold, LedgerHead, Noun, Verb

SECRETS = {"password", "hash", "token", "secret"}  # what is never a field of a change
Sides = tuple[dict[str, Any], dict[str, Any]]  # before and after
IP = Change._meta.get_field("ip")  # knows the spelling that the database gives back


_locked: ContextVar[LedgerHead | None] = ContextVar("locked", default=None)


@contextmanager
def ledger_locked() -> Iterator[None]:
    """The transaction of a service: services take turns, so what they read stays true.

    Lock before you read. On SQLite a transaction is IMMEDIATE and so has the lock already.
    """
    with transaction.atomic():
        head = _locked.get() or _lock()
        last, digest = head.last, head.digest
        token = _locked.set(head)
        try:
            yield
        except BaseException:
            head.last, head.digest = last, digest  # as in the database after the rollback
            raise
        finally:
            _locked.reset(token)


def _lock() -> LedgerHead:
    return LedgerHead.objects.select_for_update().get_or_create(pk=1)[0]


def _head() -> LedgerHead:
    return _locked.get() or _lock()


def upcoming() -> int:
    """The id of the change that `record()` writes next; true only inside `ledger_locked()`."""
    return _head().last + 1


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
    change = _line(actor, verb, noun, target, domain)
    change.address = address
    change.before, change.after = _without_secrets(before), _without_secrets(after)
    _append([change])
    return change


def record_each(
    actor: Actor, verb: Verb, noun: Noun, targets: Iterable[str], domain: int
) -> list[Change]:
    """The same with a line for each of some targets; a thousand cost little more than one."""
    changes = [_line(actor, verb, noun, target, domain) for target in targets]
    if changes:
        _append(changes)
    return changes


def record_among(
    actor: Actor, verb: Verb, noun: Noun, target: str, told: Mapping[int | None, Sides]
) -> list[Change]:
    """The same about one target in each of some domains: what was there before, and after.

    All of it at one moment, by which one knows what was done at once.
    """
    changes = [_line(actor, verb, noun, target, domain) for domain in told]
    for change, (before, after) in zip(changes, told.values(), strict=True):
        change.at = changes[0].at
        change.before, change.after = _without_secrets(before), _without_secrets(after)
    if changes:
        _append(changes)
    return changes


def _line(actor: Actor, verb: Verb, noun: Noun, target: str, domain: int | None) -> Change:
    """Without a number yet."""
    return Change(
        at=timezone.now(),
        actor_id=actor.user_id,
        actor_name=actor.name,
        ip=IP.get_prep_value(actor.ip),
        verb=verb,
        noun=noun,
        target=target,
        domain=domain,
    )


def _append(changes: Sequence[Change]) -> None:
    """Behind all others, each bound to the one before it."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("record() needs the caller's transaction")
    head = _head()
    digest = head.digest
    for number, change in enumerate(changes, start=head.last + 1):
        change.id = number
        change.digest = digest = digest_of(change, digest)
    Change.objects.bulk_create(changes)
    _move_head(head, changes[-1])
    transaction.on_commit(pull)


def _move_head(head: LedgerHead, change: Change) -> None:
    rows = LedgerHead.objects.filter(pk=head.pk, last=head.last)
    if not rows.update(last=change.id, digest=change.digest):
        raise transaction.TransactionManagementError("a rollback took changes back unseen")
    head.last, head.digest = change.id, change.digest


def _without_secrets(fields: dict[str, Any] | None) -> dict[str, Any]:
    """These fields: everybody who may see the change reads them, for ever."""
    secret = SECRETS & set(fields or {})
    if secret:
        raise ValueError(f"the ledger keeps no secrets: {', '.join(secret)}")
    return fields or {}


def held_after() -> int | None:
    """The newest change that may be applied; None where nothing waits for the operator."""
    return Hold.objects.filter(on=True).values_list("through", flat=True).first()
