"""Rows → what is wanted. Reads the database, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from django.db import connection, transaction

from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.layout.declared import check_row
from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.leaving import render_left
from qmailpanel.qmail.layout.rows import DomainRows, Layout
from qmailpanel.qmail.plan.drift import Decision, Side
from qmailpanel.qmail.plan.parts import find_beyond
from qmailpanel.qmail.plan.state import Problem, Wanted, archive_path, left_path

from .any_text import any_text
from .domain_rows import read_nameless, read_rows
from .models import DriftDecision
from .parts import PartRows, Parts, find_parts, widened
from .scope import Scope, read_partly

MOST_HOPS = 8  # from a part on; where mail goes further, domains are looked at as a whole


class Unwritable(NamedTuple):
    """A domain whose own rows cannot be rendered, as of a change."""

    domain: int
    change: int
    problem: Problem


@contextmanager
def snapshot() -> Iterator[None]:
    """All reads of the block see one state, and block no writer."""
    with any_text(), _one_state():
        yield


@contextmanager
def _one_state() -> Iterator[None]:
    if connection.vendor != "sqlite":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")  # Django's own would be IMMEDIATE: a write lock
        try:
            yield
        finally:
            connection.commit()


class Intended(NamedTuple):
    """What is wanted of some domains, and which of them cannot be rendered.

    `parts`: the domains of which only a part was looked at. `through`: changes after that one
    wait for the operator; None: none do.
    """

    wanted: Sequence[Wanted]
    unwritable: Sequence[Unwritable]
    parts: Parts
    through: int | None = None

    @property
    def changes(self) -> dict[int, int]:
        """At which change each domain was read."""
        wanted = {one.domain: one.change for one in self.wanted}
        return wanted | {one.domain: one.change for one in self.unwritable}


def read_wanted(
    choose: Callable[[], Scope], layout: Layout, memory: Memory, *, whole: bool = False
) -> Intended:
    """Of the domains that `choose` says: in the same moment, as one change may be of several.

    `whole`: of all of them as a whole.

    Of a removed domain two things: that it is gone, unless it gave up its name, and what is left of
    it. `memory`: what is left on the host goes when the domain is back.
    """
    with snapshot():
        scope = choose()
        partly = read_partly(scope)
        domains = sorted({*scope.domains, *(domain.pk for domain in partly)})
        parts: Parts = {} if whole else {**find_parts(partly, memory, scope.also), **scope.given}
        intended = _read(domains, parts, layout, memory)
        for _ in range(MOST_HOPS):
            beyond = find_beyond(intended.wanted, memory.applied_of(intended.wanted))
            if not beyond:
                return intended
            numbers = {one.name: one.domain for one in intended.wanted if one.part is not None}
            near = {numbers[name]: locals_ for name, locals_ in beyond.items()}
            parts = widened(parts, near)
            intended = _read(domains, parts, layout, memory)
        return _read(domains, {}, layout, memory)


def _read(domains: Sequence[int], parts: Parts, layout: Layout, memory: Memory) -> Intended:
    """These domains, of which those as far as the parts have them."""
    wanted, unwritable, left = list[Wanted](), list[Unwritable](), memory.left_names()
    rows = list(read_rows([pk for pk in domains if pk not in parts], parts))
    decisions = _read_decisions([pk for pk in domains if _may_have_decisions(parts.get(pk))])
    nameless = list(read_nameless(set(domains) - {row.domain for row in rows}))
    renders = [(row, _render) for row in rows] + [(row, _render_nameless) for row in nameless]
    for row, render in renders:
        try:
            those = render(row, layout, left)
            wanted += (replace(one, decisions=tuple(decisions[row.domain])) for one in those)
        except ValueError as error:
            problem = Problem("This domain cannot be written for the mail server.", str(error))
            unwritable.append(Unwritable(row.domain, row.change, problem))
    return Intended(wanted, unwritable, parts)


def _render(row: DomainRows, layout: Layout, left: Collection[str]) -> list[Wanted]:
    domain = render_domain(row, layout)
    has_left = row.removed or left_path(row.prepend) in left
    return [domain, render_left(row, layout)] if has_left else [domain]


def _render_nameless(row: DomainRows, layout: Layout, _left: Collection[str]) -> list[Wanted]:
    owners: dict[bytes | str, int] = {
        archive_path(mailbox): address for mailbox, address in row.purged.items()
    }
    left, purge = render_left(row, layout), frozenset(row.purged)
    return [replace(left, owners=owners, purge=purge, gave_up=row.name)]


def _may_have_decisions(part: PartRows | None) -> bool:
    return part is None or part.standing.has_decisions


def _read_decisions(domains: Sequence[int]) -> dict[int, list[Decision]]:
    decisions: dict[int, list[Decision]] = defaultdict(list)
    for row in DriftDecision.objects.filter(domain__in=domains) if domains else ():
        decision = _read_decision(row)
        if decision:
            decisions[row.domain_id].append(decision)
    return decisions


def _read_decision(row: DriftDecision) -> Decision | None:
    """None for what nobody can have decided: it stays drift, which is told."""
    try:
        decision = Decision(row.subject, row.actual, Side(row.side), row.change_id)
        check_row(decision)
        _ = decision.subject.line  # a shared file that there is
    except ValueError:
        return None
    return decision
