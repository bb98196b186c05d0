"""Who still delivers to what shall go, as far as the person who asks may see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext, gettext_noop, ngettext

from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.models import Address, AddressQuerySet, Domain, Kind
from qmailpanel.ledger.actors import Actor, Refused

from .hops import DELIVERING
from .references import Reference, find_holders, find_references

SHOWN = 5  # pointers a sentence can carry


class StillPointedTo(Refused):
    """Others deliver to what shall go; `pointers` names them."""

    def __init__(self, name: str, pointers: Sequence[str]) -> None:
        super().__init__(
            gettext_noop(
                "These deliver to %(address)s: %(pointers)s. When it is removed, "
                "mail to those that deliver nowhere else bounces; they are not changed."
            ),
            address=name,
            pointers=", ".join([*pointers[:SHOWN], *(["…"] if len(pointers) > SHOWN else [])]),
        )
        self.pointers = list(pointers)


def refuse_pointed_to(name: str, references: Iterable[Reference], actor: Actor) -> None:
    """Raises StillPointedTo where one of these delivers to what has that name."""
    pointers = name_pointers(references, actor)
    if pointers:
        raise StillPointedTo(name, pointers)


def references_to(address: Address) -> list[Reference]:
    """What delivers to the address under any name of its domain."""
    return find_references(address.domain, served_names(address.domain), address.local)


def holders_to(address: Address, rows: AddressQuerySet, most: int) -> tuple[list[int], bool]:
    """Which of these rows deliver to the address, in their order; see `find_holders`."""
    names = served_names(address.domain)
    return find_holders(rows, address.domain, names, address.local, most)


def references_into(domain: Domain) -> list[Reference]:
    """What other domains deliver to this one."""
    references = find_references(domain, served_names(domain))
    return [reference for reference in references if reference.domain != domain]


def aliases_to(address: Address, references: Iterable[Reference]) -> list[Address]:
    """Those of these references that are aliases of its own domain."""
    holders = {row.holder for row in references if not row.is_removed}
    aliases = (row for row in holders if isinstance(row, Address) and row.kind == Kind.ALIAS)
    near = (alias for alias in aliases if alias.domain_id == address.domain_id)
    return sorted(near, key=lambda alias: alias.local)


def served_names(domain: Domain) -> list[str]:
    """All names under which the domain takes mail."""
    return list(domain.names.filter(claims=True, removed=False).values_list("name", flat=True))


def pointers_to(address: Address, actor: Actor) -> list[str]:
    """What delivers to the address, in words."""
    return name_pointers(references_to(address), actor)


def name_pointers(references: Iterable[Reference], actor: Actor) -> list[str]:
    """Addresses first; other people's domains only counted."""
    pointers = {_describe(row): row.domain for row in references if _delivers(row)}
    seen = _seen_by(actor, {domain.pk for domain in pointers.values()})
    named = sorted(pointer for pointer, domain in pointers.items() if domain.pk in seen)
    hidden = len(pointers) - len(named)
    if hidden:
        counted = ngettext(
            "%(n)d address of another domain", "%(n)d addresses of other domains", hidden
        )
        return [*(text for *_, text in named), counted % {"n": hidden}]
    return [text for *_, text in named]


def followers_of(references: Iterable[Reference], actor: Actor) -> list[Reference]:
    """Those in domains that whoever acts looks after."""
    rows = list(references)
    seen = _seen_by(actor, {row.domain.pk for row in rows})
    return [row for row in rows if row.domain.pk in seen]


def _describe(reference: Reference) -> tuple[int, str, str, str]:
    """By what it is sorted, and at the end how it is called."""
    holder, name = reference.holder, reference.domain.name
    if isinstance(holder, Address):
        return (0, name, holder.local, str(holder))
    if isinstance(holder, Domain):
        return (1, name, "", gettext("unknown recipients of %(domain)s") % {"domain": name})
    return (2, name, "", gettext("mail for people who left %(domain)s") % {"domain": name})


def _delivers(reference: Reference) -> bool:
    holder = reference.holder
    is_idle = isinstance(holder, Domain) and holder.unknown not in DELIVERING
    return not (reference.is_removed or is_idle)


def _seen_by(actor: Actor, domains: set[int]) -> set[int]:
    if actor.user_id is None or not domains:
        return domains
    user = User.objects.get(pk=actor.user_id)
    return set(
        Domain.objects.for_user(user).filter(**{f"pk{AMONG}": domains}).values_list("pk", flat=True)
    )
