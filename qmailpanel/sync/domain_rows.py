"""What the database has of each domain, as rows of the layout. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter

from django.conf import settings

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.qmail.layout.rows import DepartedRow, DomainRows, ReplyRow

from .address_rows import AddressRows, address_rows, read_addresses, read_destinations
from .app_rows import read_apps
from .asked import Asked
from .parts import NOTHING, Parts
from .ready import Row
from .standing import REPLY_COLUMNS, domain_rows

_CHUNK = 500


def read_rows(domains: Sequence[int], parts: Parts = NOTHING) -> Iterator[DomainRows]:
    """The rows of these domains; a fixed number of queries for each 500 of them, and for `parts`.

    `parts`: of these domains those addresses alone.
    """
    for start in range(0, len(domains), _CHUNK):
        yield from _read_chunk(domains[start : start + _CHUNK])
    if parts:
        yield from _read_parts(parts)


def _read_chunk(domains: Sequence[int]) -> Iterator[DomainRows]:
    all_rows = domain_rows(settings.QMAILPANEL_RCPTHOSTS)
    rows = list(all_rows.filter(pk__in=Domain.objects.claiming(), id__in=domains))
    numbers = [row["id"] for row in rows]
    addresses, names = read_addresses(numbers), _read_names(numbers)
    purged, nameless = read_purged(Asked(numbers)), _read_nameless_mailboxes(numbers)
    for row in rows:
        yield _domain_rows(row, addresses, names, purged, nameless)


def _read_parts(parts: Parts) -> Iterator[DomainRows]:
    addresses = _addresses_of(parts)
    named = [pk for pk, part in parts.items() if part.standing.has_names]
    names = _read_names(named) if named else {}
    purged = {pk: part.purged() for pk, part in parts.items()}
    nameless = {pk: part.nameless() for pk, part in parts.items()}
    for part in parts.values():
        rows = _domain_rows(part.standing.row, addresses, names, purged, nameless)
        yield replace(rows, part=frozenset(part.locals))


def _addresses_of(parts: Parts) -> AddressRows:
    taken = chain.from_iterable(part.rows.values() for part in parts.values())
    rows = sorted((row for row in taken if row["claims"]), key=itemgetter("id"))
    targets = dict[int, Sequence[str]]()
    for part in parts.values():
        targets |= part.targets
    unknown = [row["id"] for row in rows if row["id"] not in targets]
    targets |= read_destinations(Asked([*parts], unknown)) if unknown else {}
    with_apps = [row["id"] for row in rows if row["has_apps"]]
    return address_rows(rows, targets, read_apps(Asked([*parts], with_apps)) if with_apps else {})


def _domain_rows(
    row: Row,
    addresses: AddressRows,
    names: Mapping[int, Names],
    purged: Mapping[int, Mapping[int, int]],
    nameless: Mapping[int, frozenset[int]],
) -> DomainRows:
    own = names.get(row["id"], Names())
    return DomainRows(
        domain=row["id"],
        name=row["name"],
        prepend=row["prepend"],
        change=row["change_id"],
        enabled=row["enabled"],
        unknown=row["unknown"],
        unknown_text=row["unknown_text"],
        unknown_target=row["unknown_target"],
        alias_domains=own.further,
        refused=own.refused,
        leaving=row["leaving"],
        departed=_departed(row),
        former=own.former,
        subdomains=row["subdomains"],
        more=_is_beyond(row["prepend"], row["beyond"]),
        removed=row["removed"],
        mailboxes=addresses.mailboxes[row["id"]],
        aliases=addresses.aliases[row["id"]],
        purged=purged.get(row["id"], {}),
        nameless=nameless.get(row["id"], frozenset()),
    )


def read_nameless(domains: Collection[int]) -> Iterator[DomainRows]:
    """Those that gave up their name: what refuses mail, and what shall go from the archive."""
    if not domains:
        return
    rows = Domain.objects.filter(id__in=domains, removed=True)
    nameless = list(rows.exclude(pk__in=Domain.objects.claiming()))
    numbers = [domain.pk for domain in nameless]
    purged, names = read_purged(Asked(numbers)), _read_names(numbers)
    for domain in nameless:
        yield DomainRows(
            domain=domain.pk,
            name=domain.name,
            prepend=domain.prepend,
            change=domain.change_id,
            refused=names[domain.pk].refused,
            leaving=domain.leaving,
            subdomains=domain.subdomains,
            removed=True,
            purged=purged.get(domain.pk, {}),
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_beyond(prepend: object, first: object) -> bool:
    """Of numbers; a text that stands there is none."""
    number = int | float
    return isinstance(prepend, number) and isinstance(first, number) and prepend >= first


def _departed(row: Row) -> DepartedRow | None:
    """What is answered for people who left."""
    if row["responder__domain_id"] is None:
        return None
    reply = ReplyRow(*(row[f"responder__{column}"] for column in REPLY_COLUMNS))
    return DepartedRow(reply, row["responder__target"])


@dataclass
class Names:
    """Of one domain. `refused`: removed names that go on refusing mail, its own among them."""

    further: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def _read_names(domains: Sequence[int]) -> dict[int, Names]:
    names: dict[int, Names] = defaultdict(Names)
    claims = Claim.objects.filter(domain__in=domains, claims=True).order_by("name")
    for row in claims.values_list(
        "domain_id", "name", "removed", "refuses", "domain__name", "domain__removed", named=True
    ):
        own = names[row.domain_id]
        if row.name != row.domain__name:
            own.further += () if row.removed else (row.name,)
            own.former += (row.name,) if _is_text(row.name) else ()
        if row.refuses and (row.removed or row.domain__removed):
            own.refused += (row.name,)
    return names


def read_purged(asked: Asked) -> dict[int, dict[int, int]]:
    """The homes of each domain whose mail is to be destroyed, and their addresses."""
    purged: dict[int, dict[int, int]] = defaultdict(dict)
    mailboxes = Mailbox.objects.filter(
        asked.addressed("address__"), purged=True, address__removed=True
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
