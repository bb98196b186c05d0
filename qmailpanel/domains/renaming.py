"""Another name for an address or a domain. Mail is kept, and what delivers there follows.

The old name stays claimed by an alias, or alias domain, of the new one: switched over at once
where it is to be kept, else removed, so that nobody gets it before the rename is live.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Concat, Length, Substr
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused, parsed
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.ledger.services import upcoming
from qmailpanel.qmail import names

from .access.deed import Deed, deed
from .access.limits import EXPECTED, refuse_full
from .access.rights import Right
from .addresses.services import free_local, replace_targets, targets_of
from .changes import reread
from .models import Address, Claim, Destination, Domain, Kind
from .names.claims import free_name, refuse_routed
from .routes.hops import find_loop
from .routes.rings import refuse_rings


def rename_address(
    actor: Actor, address: Address, local: names.LocalPart, *, keep: bool
) -> Address:
    """Another local part; `keep`: mail to the old one arrives too."""
    with deed(actor, address, Right.ADDRESSES) as act:
        if local != address.local:
            _refuse_address(act, address, local, keep=keep)
            _rename_address(act, address, local, keep=keep)
    return address


def _refuse_address(act: Deed, address: Address, local: str, *, keep: bool) -> None:
    """Raises Refused where the address cannot be renamed so."""
    if address.kind == Kind.ALIAS:
        parsed(names.AliasLocal, local, "local")
    targets = targets_of(address)
    _refuse_circle(address, local, targets)
    if keep:
        parsed(names.AliasLocal, address.local, "keep")
    _refuse_expected(address, keep=keep)
    for each in (address.local, local):
        act.guard.address(each)
    if keep:
        refuse_full(act.domain, Kind.ALIAS, address.local)
    if address.local in EXPECTED:  # which did not count under that name
        refuse_full(act.domain, Kind(address.kind), local)
    act.refuse_outside(targets)
    free_local(act.domain, local)


def _rename_address(act: Deed, address: Address, local: str, *, keep: bool) -> None:
    old, target, address.local = address.local, str(address), local
    change = act.record(
        Verb.RENAMED, address, target=target, before={"local": old}, after={"local": local}
    )
    _leave_alias(address, old, change, keep=keep)
    for name in act.domain.names.filter(claims=True).values_list("name", flat=True):
        _follow_address(act, f"{old}@{name}", f"{local}@{name}")


def _refuse_circle(address: Address, local: str, targets: Iterable[str]) -> None:
    new = f"{local}@{address.domain.name}"
    if find_loop(new, targets):
        raise Refused(_("%(address)s cannot deliver to itself."), "local", address=new)


def _refuse_expected(address: Address, *, keep: bool) -> None:
    if address.local in EXPECTED and not keep:
        raise Refused(
            _("%(address)s stays: people report trouble there. Keep it as an alias."),
            "keep",
            address=str(address),
        )


def _leave_alias(address: Address, old: str, change: Change, *, keep: bool) -> None:
    alias = Address.objects.create(
        domain=address.domain, local=old, kind=Kind.ALIAS, removed=not keep, change=change
    )
    Destination.objects.create(address=alias, target=str(address))


def _follow_address(act: Deed, old: str, new: str) -> None:
    """Aliases and unknown recipients that deliver to the old address deliver to the new one."""
    for alias in Address.objects.filter(destinations__target=old).select_related("domain"):
        before = targets_of(alias)
        after = list(dict.fromkeys(new if target == old else target for target in before))
        replace_targets(alias, after)
        _record_followed(act, alias, "destinations", before, after)
    for domain in Domain.objects.filter(unknown_target=old):
        domain.unknown_target = new
        _record_followed(act, domain, "unknown_target", old, new)


def _record_followed(
    act: Deed, row: Address | Domain, field: str, before: object, after: object
) -> None:
    """Of a removed row, or in a removed domain, there is nothing to record."""
    if row.removed or (isinstance(row, Address) and row.domain.removed):
        row.save()
        return
    act.record(Verb.CHANGED, row, before={field: before}, after={field: after})


def rename_domain(actor: Actor, domain: Domain, name: names.DomainName, *, keep: bool) -> Domain:
    """Another name for the domain and so for all its addresses; `keep`: the old one goes on too."""
    with deed(actor, domain, by_operator=True) as act:
        if name != domain.name:
            _claim_name(domain, name)
            _rename_domain(act, domain, name, keep=keep)
            refuse_rings(domain, [name])
    return domain


def _rename_domain(act: Deed, domain: Domain, name: names.DomainName, *, keep: bool) -> None:
    old, domain.name = domain.name, name
    change = act.record(
        Verb.RENAMED, domain, target=old, before={"name": old}, after={"name": name}
    )
    domain.names.filter(name=old, claims=True).update(removed=not keep, change=change)
    domain.addresses.filter(removed=False).update(change=change)
    _follow_domain(act, domain, old, name)


def _claim_name(domain: Domain, name: names.DomainName) -> None:
    """The name for the domain; an alias domain of its own becomes its name."""
    if domain.names.filter(name=name, claims=True, removed=False).exists():
        return
    refuse_routed(name)
    free_name(name)
    Claim.objects.create(name=name, domain=domain, change_id=upcoming())


def _follow_domain(act: Deed, domain: Domain, old: str, new: str) -> None:
    """What delivers to an address of the old name delivers to the same one of the new name."""
    others = Address.objects.filter(destinations__target__endswith=f"@{old}")
    elsewhere = list(others.exclude(domain=domain).select_related("domain").distinct())
    before = {alias.pk: targets_of(alias) for alias in elsewhere}
    _replace_ends(old, new)
    for alias in elsewhere:
        _record_followed(act, alias, "destinations", before[alias.pk], targets_of(alias))
    for pointing in Domain.objects.filter(unknown_target__endswith=f"@{old}"):
        target = pointing.unknown_target
        pointing.unknown_target = f"{target.rpartition('@')[0]}@{new}"
        _record_followed(act, pointing, "unknown_target", target, pointing.unknown_target)
    reread(domain)


def _replace_ends(old: str, new: str) -> None:
    """In one statement, however many; what would then be there twice goes first."""
    local = Substr("target", 1, Length("target") - len(old))
    ends = Destination.objects.filter(target__endswith=f"@{old}")
    renamed = ends.annotate(renamed=Concat(local, Value(new)))
    twin = Destination.objects.filter(address=OuterRef("address"), target=OuterRef("renamed"))
    twice: Iterable[int] = renamed.filter(Exists(twin)).values_list("pk", flat=True)
    Destination.objects.filter(pk__in=list(twice)).delete()
    ends.update(target=Concat(Substr(F("target"), 1, Length("target") - len(old)), Value(new)))
