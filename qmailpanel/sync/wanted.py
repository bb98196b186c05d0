"""Rows → what is wanted. Reads the database, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from django.db import connection, transaction

from qmailpanel.domains.models import Domain
from qmailpanel.qmail.layout.declared import check_row
from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import DomainName
from qmailpanel.qmail.plan.drift import Decision, Side
from qmailpanel.qmail.plan.state import Problem, Wanted, archive_path, empty_section

from .any_text import any_text
from .domain_rows import read_purged, read_rows
from .models import DriftDecision


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
            cursor.execute("COMMIT")


def read_wanted(domains: Sequence[int], layout: Layout) -> tuple[list[Wanted], list[Unwritable]]:
    """What is wanted of these domains, and which of them cannot be rendered.

    A domain that gave its name to a newer one wants nothing any more and is left out, unless mail
    of it is to be destroyed.
    """
    wanted, unwritable = [], []
    with snapshot():
        rows = list(read_rows(domains))
        decisions = _read_decisions(domains)
        wanted += _read_nameless(set(domains) - {row.domain for row in rows})
    for row in rows:
        try:
            one = render_domain(row, layout)
            wanted.append(replace(one, decisions=tuple(decisions[row.domain])))
        except ValueError as error:
            problem = Problem("This domain cannot be written for the mail server.", str(error))
            unwritable.append(Unwritable(row.domain, row.change, problem))
    return wanted, unwritable


def _read_nameless(domains: set[int]) -> list[Wanted]:
    """Domains that gave up their name: they have nothing but what shall go from the archive."""
    purged = read_purged(domains)
    return [
        Wanted(
            domain=domain.pk,
            name=f".{domain.pk}",  # no domain is called so
            change=domain.change_id,
            section=empty_section(domain.prepend),
            owners={archive_path(mailbox): pk for mailbox, pk in purged[domain.pk].items()},
            purge=frozenset(purged[domain.pk]),
            gave_up=_read_name(domain),
        )
        for domain in Domain.objects.filter(pk__in=list(purged))
    ]


def _read_name(domain: Domain) -> str:
    try:
        return DomainName(domain.name)
    except ValueError:
        return ""


def _read_decisions(domains: Sequence[int]) -> dict[int, list[Decision]]:
    decisions: dict[int, list[Decision]] = defaultdict(list)
    for row in DriftDecision.objects.filter(domain__in=domains):
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
