"""Rows → what is wanted. Reads the database, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from qmailpanel.domains.models import Address, Claim, Destination, Domain, Kind, Responder
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.rows import (
    AliasRow,
    DomainRows,
    Layout,
    MailboxRow,
    ReplyRow,
    ResponderRow,
)
from qmailpanel.qmail.plan.drift import Decision, Side
from qmailpanel.qmail.plan.state import Problem, Wanted, archive_path, empty_section

from .login_rows import read_logins
from .models import DriftDecision

_CHUNK = 500


class Unwritable(NamedTuple):
    """A domain whose own rows cannot be rendered, as of a change."""

    domain: int
    change: int
    problem: Problem


@contextmanager
def snapshot() -> Iterator[None]:
    """All reads of the block see one state, and block no writer."""
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
    purged = _read_purged(domains)
    return [
        Wanted(
            domain.pk,
            f".{domain.pk}",  # no domain is called so
            domain.change_id,
            empty_section(domain.prepend),
            owners={archive_path(mailbox): pk for mailbox, pk in purged[domain.pk].items()},
            purge=frozenset(purged[domain.pk]),
        )
        for domain in Domain.objects.filter(pk__in=list(purged))
    ]


def _read_decisions(domains: Sequence[int]) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = defaultdict(list)
    for row in DriftDecision.objects.filter(domain__in=domains):
        decision = Decision(row.file, row.key, row.actual, Side(row.side), row.change_id)
        found[row.domain_id].append(decision)
    return found


def read_rows(domains: Sequence[int]) -> Iterator[DomainRows]:
    """The rows of these domains; a fixed number of queries for each 500 of them."""
    for start in range(0, len(domains), _CHUNK):
        yield from _read_chunk(domains[start : start + _CHUNK])


def _read_chunk(domains: Sequence[int]) -> Iterator[DomainRows]:
    found = list(Domain.objects.claiming().filter(id__in=domains))
    mailboxes, aliases = _read_addresses([domain.pk for domain in found])
    names = _read_alias_domains([domain.pk for domain in found])
    purged = _read_purged([domain.pk for domain in found])
    responders = _read_responders(domains)
    beyond = _first_beyond_rcpthosts()
    for domain in found:
        yield DomainRows(
            domain=domain.pk,
            name=domain.name,
            prepend=domain.prepend,
            change=domain.change_id,
            enabled=domain.enabled,
            unknown=domain.unknown,
            unknown_text=domain.unknown_text,
            unknown_target=domain.unknown_target,
            alias_domains=tuple(name for name, removed in names[domain.pk] if not removed),
            responder=responders.get(domain.pk),
            former=tuple(name for name, _removed in names[domain.pk]),
            subdomains=domain.subdomains,
            more=domain.prepend >= beyond,
            removed=domain.removed,
            mailboxes=mailboxes[domain.pk],
            aliases=aliases[domain.pk],
            purged=purged[domain.pk],
        )


def _first_beyond_rcpthosts() -> float:
    """The prepend from which on domains are in morercpthosts: rcpthosts holds so many, no more."""
    served = Domain.objects.claiming().filter(removed=False).order_by("prepend")
    most = settings.QMAILPANEL_RCPTHOSTS
    return next(iter(served.values_list("prepend", flat=True)[most : most + 1]), inf)


def _read_alias_domains(domains: Sequence[int]) -> dict[int, list[tuple[str, bool]]]:
    """The further names of each, and whether they are removed."""
    found: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    rows = Claim.objects.aliases().filter(domain__in=domains).order_by("name")
    for domain, name, removed in rows.values_list("domain_id", "name", "removed"):
        found[domain].append((name, removed))
    return found


def _read_addresses(
    domains: Sequence[int],
) -> tuple[dict[int, list[MailboxRow]], dict[int, list[AliasRow]]]:
    mailboxes: dict[int, list[MailboxRow]] = defaultdict(list)
    aliases: dict[int, list[AliasRow]] = defaultdict(list)
    destinations, logins = _read_destinations(domains), read_logins(domains)
    rows = Address.objects.filter(domain__in=domains, claims=True).values_list(
        *("id", "domain_id", "local", "kind", "enabled", "refusal", "removed"),
        *("mailbox__id", "mailbox__quota", "mailbox__messages"),
        *("mailbox__keeps", "mailbox__on_hold"),
    )
    replies = _read_replies(domains)
    for pk, domain, local, kind, enabled, refusal, removed, box, *how in rows.iterator():
        targets = tuple(destinations[pk])
        if kind == Kind.MAILBOX:
            row = MailboxRow(box, pk, local, enabled, refusal, removed, *how)
            row = replace(row, destinations=targets, reply=replies.get(box), login=logins[box])
            mailboxes[domain].append(row)
        else:
            aliases[domain].append(AliasRow(pk, local, targets, enabled, removed))
    return mailboxes, aliases


def _read_purged(domains: Iterable[int]) -> dict[int, dict[int, int]]:
    """The mailboxes of each whose mail is to be destroyed, and their addresses."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    rows = Mailbox.objects.filter(
        purged=True, address__removed=True, address__domain__in=list(domains)
    )
    for domain, pk, address in rows.values_list("address__domain", "pk", "address"):
        found[domain][pk] = address
    return found


def _read_responders(domains: Sequence[int]) -> dict[int, ResponderRow]:
    """What is answered for people who left, by domain."""
    rows = Responder.objects.filter(domain__in=domains)
    return {
        row.pk: ResponderRow(ReplyRow(row.subject, row.text, row.days), row.target) for row in rows
    }


def _read_replies(domains: Sequence[int]) -> dict[int, ReplyRow]:
    """The answers that are given at present, by mailbox."""
    running = AutoReply.objects.filter(mailbox__address__domain__in=domains, on=True, running=True)
    rows = running.values_list("mailbox_id", "subject", "text", "days")
    return {mailbox: ReplyRow(subject, text, days) for mailbox, subject, text, days in rows}


def _read_destinations(domains: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = Destination.objects.filter(address__domain__in=domains)
    for address, target in rows.values_list("address_id", "target"):
        found[address].append(target)
    return found
