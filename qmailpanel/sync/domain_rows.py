"""What the database has of each domain, as rows of the layout. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from math import inf

from django.conf import settings
from django.db.models import Q, QuerySet

from qmailpanel.domains.models import Address, Claim, Destination, Domain, Kind, Responder
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.qmail.layout.rows import (
    NO_LOGIN,
    AliasRow,
    DepartedRow,
    DomainRows,
    MailboxColumns,
    MailboxRow,
    ReplyRow,
)

from .login_rows import read_logins

_CHUNK = 500
_REPLY_COLUMNS = tuple(column.name for column in fields(ReplyRow))
_DOMAIN_COLUMNS = (
    "name",
    "prepend",
    "change",
    "enabled",
    "unknown",
    "unknown_text",
    "unknown_target",
    "subdomains",
    "removed",
    "leaving",
)
_COLUMNS = tuple(column.name for column in fields(MailboxColumns))


def read_rows(domains: Sequence[int]) -> Iterator[DomainRows]:
    """The rows of these domains; a fixed number of queries for each 500 of them."""
    for start in range(0, len(domains), _CHUNK):
        yield from _read_chunk(domains[start : start + _CHUNK])


def _read_chunk(numbers: Sequence[int]) -> Iterator[DomainRows]:
    domains = list(Domain.objects.claiming().filter(id__in=numbers).only(*_DOMAIN_COLUMNS))
    numbers = [domain.pk for domain in domains]
    destinations = _read_destinations(numbers)
    mailboxes = _read_mailboxes(numbers, destinations)
    aliases = _read_aliases(numbers, destinations)
    names, refused = _read_alias_domains(numbers), _read_refused(numbers)
    purged, nameless = read_purged(numbers), _read_nameless_mailboxes(numbers)
    departed = _read_departed(numbers)
    beyond = _first_beyond_rcpthosts()
    for domain in domains:
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
            refused=refused[domain.pk],
            leaving=domain.leaving,
            departed=departed.get(domain.pk),
            former=tuple(name for name, _removed in names[domain.pk] if _is_text(name)),
            subdomains=domain.subdomains,
            more=_is_number(domain.prepend) and domain.prepend >= beyond,
            removed=domain.removed,
            mailboxes=mailboxes[domain.pk],
            aliases=aliases[domain.pk],
            purged=purged[domain.pk],
            nameless=nameless[domain.pk],
        )


def read_nameless(domains: Iterable[int]) -> Iterator[DomainRows]:
    """Those that gave up their name: what refuses mail, and what shall go from the archive."""
    rows = Domain.objects.filter(id__in=list(domains), removed=True)
    nameless = list(rows.exclude(pk__in=Domain.objects.claiming()))
    numbers = [domain.pk for domain in nameless]
    purged, refused = read_purged(numbers), _read_refused(numbers)
    for domain in nameless:
        yield DomainRows(
            domain=domain.pk,
            name=domain.name,
            prepend=domain.prepend,
            change=domain.change_id,
            refused=refused[domain.pk],
            leaving=domain.leaving,
            subdomains=domain.subdomains,
            removed=True,
            purged=purged[domain.pk],
        )


def _first_beyond_rcpthosts() -> float:
    """The prepend from which on domains are in morercpthosts: rcpthosts holds so many, no more."""
    served = Domain.objects.claiming().filter(removed=False).order_by("prepend")
    most = settings.QMAILPANEL_RCPTHOSTS
    first = next(iter(served.values_list("prepend", flat=True)[most : most + 1]), inf)
    return first if _is_number(first) else inf


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _read_alias_domains(domains: Sequence[int]) -> dict[int, list[tuple[str, bool]]]:
    """The further names of each, and whether they are removed."""
    names: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    claims = Claim.objects.aliases().filter(domain__in=domains).order_by("name")
    for domain, name, removed in claims.values_list("domain_id", "name", "removed"):
        names[domain].append((name, removed))
    return names


def _read_refused(domains: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The removed names of each that go on refusing mail."""
    names: dict[int, tuple[str, ...]] = defaultdict(tuple)
    gone = Claim.objects.filter(Q(removed=True) | Q(domain__removed=True), claims=True)
    claims = gone.filter(refuses=True, domain__in=domains).order_by("name")
    for domain, name in claims.values_list("domain_id", "name"):
        names[domain] += (name,)
    return names


def _read_mailboxes(
    domains: Sequence[int], destinations: dict[int, tuple[str, ...]]
) -> dict[int, list[MailboxRow]]:
    mailboxes: dict[int, list[MailboxRow]] = defaultdict(list)
    columns = {column: f"mailbox__{column}" for column in _COLUMNS}
    replies, logins = _read_replies(domains), read_logins(domains)
    for row in _claiming(domains, Kind.MAILBOX).values(
        "id",
        "domain_id",
        "local",
        "enabled",
        "refusal",
        "removed",
        "mailbox__id",
        "mailbox__home",
        *columns.values(),
    ):
        number = row["mailbox__id"]
        mailbox = MailboxRow(
            mailbox=row["mailbox__home"],
            address=row["id"],
            local=row["local"],
            enabled=row["enabled"],
            refusal=row["refusal"],
            removed=row["removed"],
            destinations=destinations.get(row["id"], ()),
            reply=replies.get(number),
            login=logins.get(number, NO_LOGIN),
            **{name: row[column] for name, column in columns.items()},
        )
        mailboxes[row["domain_id"]].append(mailbox)
    return mailboxes


def _read_aliases(
    domains: Sequence[int], destinations: dict[int, tuple[str, ...]]
) -> dict[int, list[AliasRow]]:
    aliases: dict[int, list[AliasRow]] = defaultdict(list)
    for row in _claiming(domains, Kind.ALIAS).values_list(
        "id", "domain_id", "local", "enabled", "removed", named=True
    ):
        alias = AliasRow(
            address=row.id,
            local=row.local,
            destinations=destinations.get(row.id, ()),
            enabled=row.enabled,
            removed=row.removed,
        )
        aliases[row.domain_id].append(alias)
    return aliases


def _claiming(domains: Sequence[int], kind: Kind) -> QuerySet[Address]:
    return Address.objects.claiming().filter(domain__in=domains, kind=kind)


def read_purged(domains: Iterable[int]) -> dict[int, dict[int, int]]:
    """The homes of each domain whose mail is to be destroyed, and their addresses."""
    purged: dict[int, dict[int, int]] = defaultdict(dict)
    mailboxes = Mailbox.objects.filter(
        purged=True, address__removed=True, address__domain__in=list(domains)
    )
    for domain, home, address in mailboxes.values_list("address__domain", "home", "address"):
        purged[domain][home] = address
    return purged


def _read_nameless_mailboxes(domains: Sequence[int]) -> dict[int, frozenset[int]]:
    """The homes of removed mailboxes of each domain whose name somebody else may have by now."""
    nameless: dict[int, frozenset[int]] = defaultdict(frozenset)
    mailboxes = Mailbox.objects.filter(
        purged=False, address__claims=False, address__removed=True, address__domain__in=domains
    )
    for domain, home in mailboxes.values_list("address__domain", "home"):
        nameless[domain] |= {home}
    return nameless


def _read_departed(domains: Sequence[int]) -> dict[int, DepartedRow]:
    """What is answered for people who left, by domain."""
    columns = ("pk", "target", *_REPLY_COLUMNS)
    responders = Responder.objects.filter(domain__in=domains).values_list(*columns)
    return {pk: DepartedRow(ReplyRow(*reply), target) for pk, target, *reply in responders}


def _read_replies(domains: Sequence[int]) -> dict[int, ReplyRow]:
    """The answers that are given at present, by mailbox."""
    running = AutoReply.objects.filter(mailbox__address__domain__in=domains, on=True, running=True)
    return {pk: ReplyRow(*reply) for pk, *reply in running.values_list("pk", *_REPLY_COLUMNS)}


def _read_destinations(domains: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Where each address delivers to besides."""
    targets: dict[int, list[str]] = defaultdict(list)
    destinations = Destination.objects.filter(address__domain__in=domains)
    for address, target in destinations.values_list("address_id", "target"):
        targets[address].append(target)
    return {address: tuple(those) for address, those in targets.items()}
