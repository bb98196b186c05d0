"""Who shall get the mail of an address, by the database and by what was true before."""

from __future__ import annotations

from functools import partial

from qmailpanel.domains.models import Claim, Domain, Kind, Unknown
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.statuses import Status
from tests.kit.deliveries import find_prepend
from tests.kit.drill.rows import Rows
from tests.kit.drill.world import ADDRESSES, Numbers, World


def learn(world: World) -> None:
    """The host is as the database wants it, but for what failed."""
    rows = Rows()
    before = dict(world.known.live)
    had = dict(world.known.had)
    for address in ADDRESSES:
        numbers = recipients(world, address, rows)
        world.known.unsettled.discard(address)
        if numbers is None:
            world.known.unsettled.add(address)
            numbers = _may_have(world, address, before[address], rows)
        elif meant := recipients(world, address, rows, though_off=True):
            had |= {_of_tenant(address, rows.domain_of(address.partition("@")[2])): meant}
        world.known.live[address] = numbers
    world.known.had = had
    _learn_names(world, rows)


def _learn_names(world: World, rows: Rows) -> None:
    claims = Claim.objects.filter(claims=True, domain__in=Domain.objects.claiming())
    for claim in claims.select_related("domain"):
        for name in (claim.name, f".{claim.name}"):
            if _prepend_of(world, name) != b"%d" % claim.domain.prepend:
                continue
            _learn_tenant(world, name, claim.domain)
            if rows.statuses.of_domain(claim.domain) is Status.LIVE:
                world.numbers.add(claim.domain.prepend)


def _learn_tenant(world: World, name: str, domain: Domain) -> None:
    """Who comes by the very name and number of a domain has what else leads to that number."""
    served, number = world.known.served, b"%d" % domain.prepend
    before, wildcard = served.get(name), world.panel.answer(f"+{domain.prepend}-") or b""
    served[name] = domain.description
    if name == domain.name and f"/{name}\0".encode() in wildcard:
        names = [one for one, tenant in served.items() if tenant == before]
        with_it = [one for one in names if _prepend_of(world, one) == number]
        served |= dict.fromkeys(with_it, domain.description)


def _prepend_of(world: World, name: str) -> bytes | None:
    """Of a name, or with a dot in front of those below it."""
    return find_prepend(world.panel.home, f"any{name}" if name.startswith(".") else name)


def _may_have(world: World, address: str, before: Numbers, rows: Rows) -> Numbers:
    """Who had its mail, whose it is, or who had that of its domain by any name of that.

    So a line or file that no row speaks of may go on bringing mail to whom it was for.
    """
    local, _, name = address.partition("@")
    number = (find_prepend(world.panel.home, name) or b"0").partition(b"-")[0]
    domain = Domain.objects.filter(prepend=int(number)).first()
    if domain is None:
        return before
    boxes = Mailbox.objects.filter(address__domain=domain, address__local=local)
    own = boxes.filter(address__claims=True).values_list("home", flat=True)
    ends = recipients(world, address, rows, though_failed=True) or ()
    return before.union(own, ends, world.known.had.get(_of_tenant(address, domain), ()))


def _of_tenant(address: str, domain: Domain | None) -> str:
    return f"{address.partition('@')[0]} of {domain and domain.description}"


def recipients(
    world: World,
    address: str,
    rows: Rows,
    came: tuple[str, ...] = (),
    *,
    though_failed: bool = False,
    though_off: bool = False,
) -> Numbers | None:
    """By the database. None where that says nothing: it failed, or is not the panel's.

    `though_off`: also who would get it with all mailboxes switched on.
    """
    local, _, name = address.partition("@")
    domain = rows.domain_of(name)
    prepend = find_prepend(world.panel.home, name)
    if domain is None or (prepend and prepend != b"%d" % domain.prepend):
        return None if prepend else frozenset()
    row = rows.address(domain, local)
    if not though_failed and _is_unsettled(world, rows, domain, local):
        return None
    if not domain.enabled or address in came:
        return frozenset()
    came = (*came, address)
    if row and row.kind == Kind.MAILBOX:
        return frozenset([row.mailbox.home] if row.enabled or though_off else [])
    targets = [domain.unknown_target] if domain.unknown == Unknown.FORWARD else []
    if row:
        targets = [destination.target for destination in row.destinations.all()]
    further = partial(recipients, though_failed=though_failed, though_off=though_off)
    ends = [further(world, target, rows, came) for target in targets]
    return None if None in ends else frozenset().union(*(end for end in ends if end))


def _is_unsettled(world: World, rows: Rows, domain: Domain, local: str) -> bool:
    """Whether it failed, or something takes its mail of which no row speaks."""
    row = rows.address(domain, local)
    if rows.statuses.of_domain(domain) is Status.FAILED:
        return True
    if row:
        return rows.statuses.of_address(row) is Status.FAILED
    file = world.panel.below(f"{domain.name}/.qmail-{local}")
    return bool(world.panel.answer(f"={domain.prepend}-{local}")) or file.exists()
