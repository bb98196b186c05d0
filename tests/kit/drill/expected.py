"""Who shall get the mail of an address, by the database and by what was true before."""

from __future__ import annotations

from qmailpanel.domains.models import Claim, Domain, Kind, Unknown
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.deliveries import find_prepend
from tests.kit.drill.world import ADDRESSES, NAMES, Numbers, World


def learn(world: World) -> None:
    """The host is as the database wants it, but for what failed."""
    statuses = Statuses(Domain.objects.values_list("pk", flat=True))
    before = dict(world.known.live)
    for address in ADDRESSES:
        numbers = recipients(world, address, statuses)
        world.known.unsettled.discard(address)
        if numbers is None:
            world.known.unsettled.add(address)
            numbers = _may_have(world, address, before)
        world.known.live[address] = numbers
    for claim in Claim.objects.filter(claims=True, domain__in=Domain.objects.claiming()):
        if find_prepend(world.panel.home, claim.name) == b"%d" % claim.domain.prepend:
            world.known.served[claim.name] = claim.domain.description


def _may_have(world: World, address: str, before: dict[str, Numbers]) -> Numbers:
    """Who had its mail, whose it is, or who had that of its domain by any name of that."""
    local, _, name = address.partition("@")
    numbers, prepend = before[address], find_prepend(world.panel.home, name)
    number = (prepend or b"0").partition(b"-")[0]
    domain = Domain.objects.filter(prepend=int(number)).first()
    if domain is None:
        return numbers
    boxes = Mailbox.objects.filter(address__domain=domain, address__local=local)
    own = boxes.filter(address__claims=True).values_list("home", flat=True)
    served = [name for name in NAMES if world.known.served.get(name) == domain.description]
    had = [before[f"{local}@{name}"] for name in {domain.name, *served}]
    return numbers.union(own, *had)


def recipients(
    world: World, address: str, statuses: Statuses, came: tuple[str, ...] = ()
) -> Numbers | None:
    """By the database. None where that says nothing: it failed, or is not the panel's."""
    local, _, name = address.partition("@")
    domain = domain_of(name)
    prepend = find_prepend(world.panel.home, name)
    if domain is None or (prepend and prepend != b"%d" % domain.prepend):
        return None if prepend else frozenset()
    if statuses.of_domain(domain) is Status.FAILED:
        return None
    row = domain.addresses.claiming().filter(local=local, removed=False).first()
    is_left = world.panel.answer(f"={domain.prepend}-{local}")
    if is_left and (row is None or not domain.enabled):
        return None
    if not domain.enabled or address in came:
        return frozenset()
    came = (*came, address)
    if row and statuses.of_address(row) is Status.FAILED:
        return None
    if row and row.kind == Kind.MAILBOX:
        return frozenset([row.mailbox.home] if row.enabled else [])
    targets = [domain.unknown_target] if domain.unknown == Unknown.FORWARD else []
    if row:
        targets = [destination.target for destination in row.destinations.all()]
    ends = [recipients(world, target, statuses, came) for target in targets]
    return None if None in ends else frozenset().union(*(end for end in ends if end))


def domain_of(name: str) -> Domain | None:
    """Which gets the mail of a name: its own, or that above it which takes sub-domains."""
    serving = Domain.objects.claiming().filter(removed=False)
    claims = Claim.objects.filter(claims=True, removed=False, domain__in=serving)
    claim = claims.filter(name=name).first()
    if claim:
        return claim.domain
    labels = name.split(".")
    for start in range(1, len(labels)):
        above = claims.filter(name=".".join(labels[start:]), domain__subdomains=True).first()
        if above:
            return above.domain
    return None
