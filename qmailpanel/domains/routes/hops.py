"""Where mail goes from one address of the panel to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import gettext, gettext_noop, ngettext

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, Claim, Domain, Kind, Responder, Unknown
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.qmail.names import MailAddress

SELF = gettext_noop("%(address)s cannot deliver to itself.")
BACK = gettext_noop("Mail to %(address)s would come back to it from %(target)s.")
LEFT = "?"  # no local part is
DELIVERING = (Unknown.FORWARD, Unknown.MAILBOX)


def pointers_to(address: Address, actor: Actor) -> list[str]:
    """Addresses and unknown recipients that deliver there; other people's domains only counted."""
    names = address.domain.names.filter(claims=True, removed=False).values_list("name", flat=True)
    targets = [f"{address.local}@{name}" for name in names]
    pointers = [*_aliases_to(targets), *_unknown_to(targets)]
    seen = _seen_by(actor, {domain for domain, _ in pointers})
    named = [text for domain, text in pointers if domain in seen]
    hidden = len(pointers) - len(named)
    if hidden:
        counted = ngettext(
            "%(n)d address of another domain", "%(n)d addresses of other domains", hidden
        )
        named.append(counted % {"n": hidden})
    return named


def _aliases_to(targets: list[str]) -> Iterator[tuple[int, str]]:
    aliases = Address.objects.filter(
        destinations__target__in=targets, removed=False, domain__removed=False
    ).distinct()
    for alias in aliases.select_related("domain").order_by("domain__name", "local"):
        yield alias.domain_id, str(alias)


def _unknown_to(targets: list[str]) -> Iterator[tuple[int, str]]:
    domains = Domain.objects.filter(
        unknown__in=DELIVERING, unknown_target__in=targets, removed=False
    )
    for domain in domains.order_by("name"):
        yield domain.pk, gettext("unknown recipients of %(domain)s") % {"domain": domain.name}


def _seen_by(actor: Actor, domains: set[int]) -> set[int]:
    if actor.user_id is None:
        return domains
    user = User.objects.get(pk=actor.user_id)
    return set(Domain.objects.for_user(user).filter(pk__in=domains).values_list("pk", flat=True))


def settle_targets(address: str, wanted: Iterable[MailAddress]) -> list[str]:
    """Each target once, those of our own domains in lower case. Refuses a way back."""
    theirs = list(wanted)
    names = Domain.objects.filter(name__in={there.domain for there in theirs}, removed=False)
    ours = set(names.values_list("name", flat=True))
    once: dict[str, str] = {}
    for there in theirs:
        target = there.lower() if there.domain in ours else str(there)
        once.setdefault(target.lower(), target)
    targets = list(once.values())
    refuse_way_back(address, targets)
    return targets


def refuse_way_back(address: str, targets: Iterable[str]) -> None:
    """Raises Refused where mail to `address` would come back to it from one of the targets."""
    back = way_back(address, targets)
    if back is None:
        return
    if back.lower() == address:
        raise Refused(SELF, "destinations", address=address)
    raise Refused(BACK, "destinations", address=address, target=back)


def way_back(goal: str, targets: Iterable[str]) -> str | None:
    """That of the targets from which mail would arrive at `goal` again, over any number of hops.

    `@domain` stands for the unknown recipients of a domain, `?@domain` for people who left it.
    """
    origin = {target.lower(): target for target in targets}
    reached = list(origin)
    while reached and goal not in origin:
        hops = [(here, there) for here, there in _hops(reached) if there not in origin]
        origin.update((there, origin[here]) for here, there in hops)
        reached = list({there for _, there in hops})
    return origin.get(goal)


def _hops(nodes: Iterable[str]) -> Iterator[tuple[str, str]]:
    """From each node to where it delivers next, if it is ours; a mailbox may forward."""
    places = [(node, *node.rpartition("@")[::2]) for node in nodes]
    domains = _domains({name for _, _, name in places})
    locals_ = {local for _, local, _ in places}
    addresses, left = _addresses(domains.values(), locals_), _left(domains.values(), locals_)
    for node, local, name in places:
        if name in domains and name != domains[name].name:
            yield node, f"{local}@{domains[name].name}"
        elif local == LEFT:
            yield from ((node, target) for target in _responses(domains, name))
        elif address := addresses.get((name, local)):
            yield from ((node, there.target.lower()) for there in address.destinations.all())
        elif (name, local) in left:
            yield node, f"{LEFT}@{name}"
        elif name in domains and local:
            yield node, f"@{name}"
        elif name in domains and domains[name].unknown in DELIVERING:
            yield node, domains[name].unknown_target.lower()


def _responses(domains: Mapping[str, Domain], name: str) -> list[str]:
    """Where mail for people who left goes, or will when there is no responder any more."""
    targets = Responder.objects.filter(domain=domains.get(name)).exclude(target="")
    unknown = [f"@{name}"] if name in domains else []
    return [*unknown, *(target.lower() for target in targets.values_list("target", flat=True))]


def _left(domains: Iterable[Domain], locals_: set[str]) -> set[tuple[str, str]]:
    """Of these, mailboxes of people who left."""
    found = Address.objects.claiming().filter(
        domain__in=list(domains), local__in=locals_, kind=Kind.MAILBOX, removed=True
    )
    return set(found.values_list("domain__name", "local"))


def _domains(names: set[str]) -> dict[str, Domain]:
    """By each of these names that is theirs, alias domains included."""
    claims = Claim.objects.filter(name__in=names, claims=True, removed=False)
    live = claims.filter(domain__removed=False).select_related("domain")
    return {claim.name: claim.domain for claim in live}


def _addresses(domains: Iterable[Domain], locals_: set[str]) -> dict[tuple[str, str], Address]:
    found = Address.objects.filter(
        domain__in=list(domains), local__in=locals_, removed=False, claims=True
    )
    rows = found.select_related("domain").prefetch_related("destinations")
    return {(row.domain.name, row.local): row for row in rows}
