"""Writing the ledger: one change for each service call, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
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
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("record() needs the caller's transaction")
    head = _head()
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
        before=_without_secrets(before),
        after=_without_secrets(after),
    )
    change.digest = digest_of(change, head.digest)
    change.save(force_insert=True)
    _move_head(head, change)
    transaction.on_commit(pull)
    return change


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
