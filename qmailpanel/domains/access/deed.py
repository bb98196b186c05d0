"""What somebody does to a row: with the ledger locked, the row as it is now, and their rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.changes import Row, differing, refuse_removed, reread
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.routes.ours import Ours
from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record, record_each

from .guard import Guard
from .rights import ALL, NotAllowed, Right, Rights, find_person, held_rights, refuse_missing


class Deed:
    """Whoever acts, and what they act on: a row, or none before there is one.

    Each answer is read once. What is asked here holds only while the ledger is locked.
    """

    def __init__(self, actor: Actor, row: Row | None = None) -> None:
        self.actor, self._row = actor, row

    @property
    def row(self) -> Row:
        if self._row is None:
            raise LookupError("nothing is there yet")
        return self._row

    @property
    def domain(self) -> Domain:
        """The row's, with its limits."""
        return self.row if isinstance(self.row, Domain) else self.row.domain

    @cached_property
    def person(self) -> User | None:
        """Who acts; None for the command line and the system. Raises NotAllowed."""
        return find_person(self.actor, self.domain if self._row else None)

    @property
    def admin(self) -> User | None:
        """The domain admin who acts; None where whoever acts may do everything."""
        return None if self.person is None or self.person.is_operator else self.person

    @property
    def rights(self) -> Rights:
        """What whoever acts may do in the domain."""
        return held_rights(self.person) if self.person else ALL

    def require(self, *rights: Right) -> None:
        """Whoever acts has these rights in the domain, or NotAllowed is raised."""
        if rights:
            refuse_missing(rights, self.rights, self.domain)

    def require_operator(self) -> None:
        """Whoever acts runs this host, or NotAllowed is raised."""
        if self.admin:
            raise NotAllowed(_("Only the operator of this host may do that."))

    def refuse_outside(self, targets: Iterable[str]) -> None:
        """Mail may leave the domains that the person looks after, or these targets are in them."""
        if self.admin is None or Right.FORWARDING in self.rights:
            return
        places = {target.rpartition("@")[2].lower() for target in targets if target}
        domains = Ours().read(places)
        keys = {domain.pk for domain in domains.values()}
        theirs = set(Domain.objects.for_user(self.admin).filter(pk__in=keys))
        if any(domains.get(place) not in theirs for place in places):
            self.require(Right.FORWARDING)

    @cached_property
    def guard(self) -> Guard:
        return Guard(self.admin, self.domain)

    def change(
        self, row: Model, verb: Verb = Verb.CHANGED, noun: Noun | None = None, /, **wanted: Any
    ) -> Change | None:
        """Set these fields of the deed's row, or of one that belongs to it, and record it.

        Where they are so already, nothing happens at all.
        """
        before, after = differing({name: getattr(row, name) for name in wanted}, wanted)
        if not after:
            return None
        for name, value in after.items():
            setattr(row, name, value)
        if isinstance(row, Row):
            return self.record(verb, row, noun, before=before, after=after)
        row.save()
        return self.record(verb, noun=noun, before=before, after=after)

    def record(
        self,
        verb: Verb,
        row: Row | None = None,
        noun: Noun | None = None,
        *,
        target: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> Change:
        """One ledger line about the deed's row or another one, which is saved with it.

        The change is the newest of its domain as well. `target`: what the row was called.
        """
        row = row or self.row
        domain = row if isinstance(row, Domain) else row.domain
        change = record(
            self.actor,
            verb,
            noun or _noun(row),
            target or str(row),
            domain=domain.pk,
            address=row.pk if isinstance(row, Address) else None,
            before=_plain(before or {}),
            after=_plain(after or {}),
        )
        _save(row, domain, change)
        return change

    def spread(self, change: Change) -> None:
        """A change of the domain is one of all its addresses and names, but for removed ones."""
        self.domain.whole = change.pk
        self.domain.save(update_fields=["whole"])

    def record_each(self, verb: Verb, noun: Noun, targets: Iterable[str]) -> list[Change]:
        """A ledger line about the domain for each of these; it is as of the last one."""
        changes = record_each(self.actor, verb, noun, targets, self.domain.pk)
        if changes:
            _save(self.domain, self.domain, changes[-1])
        return changes


def _noun(row: Row) -> Noun:
    if isinstance(row, Address):
        return Noun(row.kind)
    return Noun.DOMAIN if isinstance(row, Domain) else Noun.ALIAS_DOMAIN


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON can hold them."""
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in fields.items()}


def _save(row: Row, domain: Domain, change: Change) -> None:
    """A new row has the number of its change already. See `ledger.services.upcoming()`."""
    is_new = row.change_id == change.pk
    row.change = domain.change = change
    fields = ["change"]
    if not isinstance(row, Address):
        domain.frame = change.pk
        fields.append("frame")
    if not is_new:
        row.save()
    if domain is not row or is_new:
        domain.save(update_fields=fields)


@contextmanager
def deed(
    actor: Actor,
    row: Row | None = None,
    *rights: Right,
    by_operator: bool = False,
    removed: bool = False,
) -> Iterator[Deed]:
    """The transaction of a service: the ledger is locked, and the row is read again.

    Whoever acts has these rights, or is the operator. The row is there, and so is its domain;
    `removed`: they need not be. Raises Refused.
    """
    with ledger_locked():
        if row is not None:
            reread(row)
        act = Deed(actor, row)
        if by_operator:
            act.require_operator()
        act.require(*rights)
        if row is not None and not removed:
            refuse_removed(row)
        yield act
