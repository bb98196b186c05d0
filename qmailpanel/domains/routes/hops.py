"""Where mail goes from one address of the panel to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from django.db.models import Q
from django.utils.translation import gettext_noop

from qmailpanel.domains.models import Address, AddressQuerySet, Domain, Kind, Responder, Unknown
from qmailpanel.ledger.actors import Refused
from qmailpanel.qmail.names import MailAddress

from .ours import Ours

SELF = gettext_noop("%(address)s cannot deliver to itself.")
BACK = gettext_noop("Mail to %(address)s would come back to it from %(target)s.")
DEPARTED = "?"  # no local part is
DELIVERING = (Unknown.FORWARD, Unknown.MAILBOX)


def read_targets(address: str, wanted: Iterable[MailAddress]) -> list[str]:
    """Each target once, those of our own domains in lower case. Refuses a mail loop."""
    theirs, ours = list(wanted), Ours()
    domains = ours.read(there.domain for there in theirs)
    once: dict[str, str] = {}
    for there in theirs:
        target = there.lower() if there.domain in domains else str(there)
        once.setdefault(target.lower(), target)
    targets = list(once.values())
    refuse_loop(address, targets, Routes(ours))
    return targets


def refuse_loop(address: str, targets: Iterable[str], routes: Routes | None = None) -> None:
    """Raises Refused where mail to `address` would come back to it from one of the targets."""
    back = (routes or Routes()).find_origins(targets, address).get(address)
    if back is None:
        return
    if back.lower() == address:
        raise Refused(SELF, "destinations", address=address)
    raise Refused(BACK, "destinations", address=address, target=back)


def find_loop(goal: str, targets: Iterable[str]) -> str | None:
    """That of the targets from which mail would arrive at `goal` again, over any number of hops.

    `@domain` stands for the unknown recipients of a domain, `?@domain` for its departed.
    """
    return Routes().find_origins(targets, goal).get(goal)


class Routes:
    """Where mail goes as the rows say. Each domain is read once."""

    def __init__(self, ours: Ours | None = None) -> None:
        self._ours = ours or Ours()

    def find_origins(self, targets: Iterable[str], goal: str | None = None) -> dict[str, str]:
        """All places where mail to the targets arrives, each with the target it comes from.

        With a goal no further than to there.
        """
        origins = {target.lower(): target for target in targets}
        reached = list(origins)
        while reached and goal not in origins:
            hops = [(here, there) for here, there in self._hops(reached) if there not in origins]
            origins.update((there, origins[here]) for here, there in hops)
            reached = list({there for _, there in hops})
        return origins

    def find_ring(self, starts: Collection[str]) -> str | None:
        """That of these addresses to which its mail comes back."""
        nexts: dict[str, set[str]] = {}
        reached = set(starts)
        while reached:
            nexts |= {node: set() for node in reached}
            for here, there in self._hops(reached):
                nexts[here].add(there)
            reached = set().union(*(nexts[node] for node in reached)) - nexts.keys()
        return next((start for start in starts if _comes_back(start, nexts)), None)

    def _hops(self, nodes: Iterable[str]) -> Iterator[tuple[str, str]]:
        """From each node to where it delivers next, if it is ours; a mailbox may forward."""
        places = [(node, *node.rpartition("@")[::2]) for node in nodes]
        domains = self._ours.read(name for _, _, name in places)
        ours = [(node, local, domains[name]) for node, local, name in places if name in domains]
        addresses = read_holders(
            [(domain, local) for node, local, domain in ours if node == f"{local}@{domain.name}"]
        )
        for node, local, domain in ours:
            address = addresses.get((domain.pk, local))
            yield from ((node, there) for there in _next_places(node, local, domain, address))


def _comes_back(start: str, nexts: Mapping[str, set[str]]) -> bool:
    arrived, reached = set[str](), nexts[start]
    while reached:
        arrived |= reached
        reached = set().union(*(nexts[node] for node in reached)) - arrived
    return start in arrived


def _next_places(node: str, local: str, domain: Domain, address: Address | None) -> list[str]:
    """Where mail to that local part goes: to whoever has it, else to unknown recipients."""
    if node != f"{local}@{domain.name}":  # by another name of the domain
        return [f"{local}@{domain.name}"]
    if local == DEPARTED:
        return [f"@{domain.name}", *responses(domain)]
    if address:
        targets = [there.target.lower() for there in address.destinations.all()]
        return [f"{DEPARTED}@{domain.name}"] if address.removed else targets
    if local:
        return [f"@{domain.name}"]
    return unknown_targets(domain)


def unknown_targets(domain: Domain) -> list[str]:
    """Where mail goes that nobody of the domain has."""
    return [domain.unknown_target.lower()] if domain.unknown in DELIVERING else []


def leads_on(domain: Domain) -> bool:
    """Whether mail that nobody of the domain takes goes anywhere."""
    return domain.unknown in DELIVERING or bool(responses(domain))


def responses(domain: Domain) -> list[str]:
    """Where a responder sends mail for the departed besides."""
    responder: Responder | None = getattr(domain, "responder", None)
    return [responder.target.lower()] if responder and responder.target else []


def read_holders(
    places: Collection[tuple[Domain, str]], rows: AddressQuerySet | None = None
) -> dict[tuple[int, str], Address]:
    """Whoever has these local parts; a removed mailbox has its own until somebody takes it.

    `rows`: those to look among.
    """
    named = {(domain.pk, local) for domain, local in places if local not in ("", DEPARTED)}
    if not named:
        return {}
    among = Address.objects.all() if rows is None else rows
    holders = among.claiming().filter(
        Q(removed=False) | Q(kind=Kind.MAILBOX),
        domain__in={domain for domain, _ in named},
        local__in={local for _, local in named},
    )
    domains = {domain.pk: domain for domain, _ in places}
    found = dict[tuple[int, str], Address]()
    for row in holders.prefetch_related("destinations"):
        row.domain = domains[row.domain_id]
        found[row.domain_id, row.local] = row
    return found
