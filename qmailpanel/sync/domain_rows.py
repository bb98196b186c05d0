"""What the database has of each domain, as rows of the layout. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Subquery

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.qmail.layout.rows import DepartedRow, DomainRows, ReplyRow

from .address_rows import REPLY_COLUMNS, read_addresses
from .asked import Asked
from .parts import Parts

_CHUNK = 500
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
    *(f"responder__{column}" for column in (*REPLY_COLUMNS, "target")),
)


def read_rows(domains: Sequence[int], parts: Parts | None = None) -> Iterator[DomainRows]:
    """The rows of these domains; a fixed number of queries for each 500 of them, and for `parts`.

    `parts`: of these domains those addresses alone.
    """
    parts = parts or {}
    for start in range(0, len(domains), _CHUNK):
        yield from _read_chunk(Asked(domains[start : start + _CHUNK]), {})
    if parts:
        addresses = frozenset().union(*(part.addresses for part in parts.values()))
        yield from _read_chunk(Asked([*parts], addresses), parts)


def _read_chunk(asked: Asked, parts: Parts) -> Iterator[DomainRows]:
    rows = Domain.objects.claiming().filter(id__in=asked.domains).select_related("responder")
    rows = rows.only(*_DOMAIN_COLUMNS).annotate(beyond=_first_beyond_rcpthosts())
    domains = list(rows)
    numbers = [domain.pk for domain in domains]
    asked = Asked(numbers, asked.addresses)
    addresses = read_addresses(asked)
    names = _read_names(numbers)
    has_removed = not parts or any(part.has_removed for part in parts.values())
    purged = read_purged(asked) if has_removed else {}
    nameless = _read_nameless_mailboxes(numbers, parts) if has_removed else {}
    for domain in domains:
        own = names[domain.pk]
        yield DomainRows(
            domain=domain.pk,
            name=domain.name,
            prepend=domain.prepend,
            change=domain.change_id,
            enabled=domain.enabled,
            unknown=domain.unknown,
            unknown_text=domain.unknown_text,
            unknown_target=domain.unknown_target,
            alias_domains=own.further,
            refused=own.refused,
            leaving=domain.leaving,
            departed=_departed(domain),
            former=own.former,
            subdomains=domain.subdomains,
            more=_is_beyond(domain.prepend, vars(domain)["beyond"]),
            removed=domain.removed,
            mailboxes=addresses.mailboxes[domain.pk],
            aliases=addresses.aliases[domain.pk],
            purged=purged.get(domain.pk, {}),
            nameless=nameless.get(domain.pk, frozenset()),
            part=parts[domain.pk].locals if domain.pk in parts else None,
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


def _first_beyond_rcpthosts() -> Subquery:
    """The prepend from which on domains are in morercpthosts: rcpthosts holds so many, no more."""
    served = Domain.objects.claiming().filter(removed=False).order_by("prepend")
    most = settings.QMAILPANEL_RCPTHOSTS
    return Subquery(served.values("prepend")[most : most + 1])


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_beyond(prepend: object, first: object) -> bool:
    """Of numbers; a text that stands there is none."""
    number = int | float
    return isinstance(prepend, number) and isinstance(first, number) and prepend >= first


def _departed(domain: Domain) -> DepartedRow | None:
    """What is answered for people who left."""
    responder = getattr(domain, "responder", None)
    if responder is None:
        return None
    reply = ReplyRow(*(getattr(responder, column) for column in REPLY_COLUMNS))
    return DepartedRow(reply, responder.target)


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


def _read_nameless_mailboxes(domains: Sequence[int], parts: Parts) -> dict[int, frozenset[int]]:
    """The homes of removed mailboxes of each domain whose name somebody else may have by now."""
    nameless: dict[int, frozenset[int]] = defaultdict(frozenset)
    mailboxes = Mailbox.objects.filter(
        purged=False, address__claims=False, address__removed=True, address__domain__in=domains
    )
    if parts:
        locals_ = frozenset().union(*(part.locals for part in parts.values()))
        mailboxes = mailboxes.filter(address__local__in=locals_)
    for domain, home in mailboxes.values_list("address__domain", "home"):
        nameless[domain] |= {home}
    return nameless
