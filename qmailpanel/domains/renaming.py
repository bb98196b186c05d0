"""Another name for an address or a domain. Mail is kept, and what delivers there follows.

The old name stays claimed by an alias, or alias domain, of the new one: switched over at once
where it is to be kept, else removed, so that nobody gets it before the rename is live.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Concat, Length, Substr
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.ledger.services import ledger_locked, upcoming
from qmailpanel.qmail import names

from .access.guard import guard_sign_in
from .access.limits import EXPECTED, refuse_full
from .access.rights import Right, refuse_outside, require_operator
from .addresses.services import editable, free_local
from .changes import log, refuse_removed, reread, stamp
from .models import Address, Claim, Destination, Domain, Kind
from .names.claims import free_name, refuse_routed
from .routes.hops import way_back


@ledger_locked()
def rename_address(
    actor: Actor, address: Address, local: names.LocalPart, *, keep: bool
) -> Address:
    """Another local part; `keep`: mail to the old one arrives too."""
    editable(actor, address, Right.ADDRESSES)
    if local == address.local:
        return address
    if address.kind == Kind.ALIAS:
        local = _as_alias(local, "local")
    _refuse_circle(address, local)
    if keep:
        _as_alias(address.local, "keep")
    _refuse_expected(address, keep=keep)
    for each in (address.local, local):
        guard_sign_in(actor, address.domain, each)
    if keep:
        refuse_full(address.domain, Kind.ALIAS, address.local)
    if address.local in EXPECTED:  # which did not count under that name
        refuse_full(address.domain, Kind(address.kind), local)
    refuse_outside(actor, address.domain, _targets(address))
    free_local(address.domain, local)
    old = address.local
    change = log(actor, Verb.RENAMED, address, before={"local": old}, after={"local": local})
    address.local = local
    stamp(change, address)
    _leave_alias(address, old, change, keep=keep)
    for name in address.domain.names.filter(claims=True).values_list("name", flat=True):
        _follow(actor, f"{old}@{name}", f"{local}@{name}")
    return address


def _as_alias(local: str, field: str) -> names.AliasLocal:
    try:
        return names.AliasLocal(local)
    except names.InvalidName as error:
        raise Refused(error.template, field, **error.params) from error


def _refuse_circle(address: Address, local: str) -> None:
    new = f"{local}@{address.domain.name}"
    targets = address.destinations.values_list("target", flat=True)
    if way_back(new, targets):
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


def _follow(actor: Actor, old: str, new: str) -> None:
    """Aliases and unknown recipients that deliver to the old address deliver to the new one."""
    for alias in Address.objects.filter(destinations__target=old).select_related("domain"):
        before = _targets(alias)
        after = list(dict.fromkeys(new if target == old else target for target in before))
        alias.destinations.all().delete()
        Destination.objects.bulk_create(Destination(address=alias, target=one) for one in after)
        _say(actor, alias, "destinations", before, after)
    for domain in Domain.objects.filter(unknown_target=old):
        domain.unknown_target = new
        _say(actor, domain, "unknown_target", old, new)


def _targets(alias: Address) -> list[str]:
    return [there.target for there in alias.destinations.all()]


def _say(actor: Actor, row: Address | Domain, field: str, before: object, after: object) -> None:
    """That it followed; of a removed row, or in a removed domain, there is nothing to say."""
    if row.removed or (isinstance(row, Address) and row.domain.removed):
        row.save()
        return
    stamp(log(actor, Verb.CHANGED, row, before={field: before}, after={field: after}), row)


@ledger_locked()
def rename_domain(actor: Actor, domain: Domain, name: names.DomainName, *, keep: bool) -> Domain:
    """Another name for the domain and so for all its addresses; `keep`: the old one goes on too."""
    require_operator(actor)
    reread(domain)
    refuse_removed(domain)
    if name == domain.name:
        return domain
    _claim(domain, name)
    old = domain.name
    change = log(actor, Verb.RENAMED, domain, before={"name": old}, after={"name": name})
    domain.name = name
    stamp(change, domain)
    domain.names.filter(name=old, claims=True).update(removed=not keep, change=change)
    domain.addresses.filter(removed=False).update(change=change)
    _follow_domain(actor, domain, old, name)
    return domain


def _claim(domain: Domain, name: names.DomainName) -> None:
    """The name for the domain; an alias domain of its own becomes its name."""
    if domain.names.filter(name=name, claims=True, removed=False).exists():
        return
    refuse_routed(name)
    free_name(name)
    Claim.objects.create(name=name, domain=domain, change_id=upcoming())


def _follow_domain(actor: Actor, domain: Domain, old: str, new: str) -> None:
    """What delivers to an address of the old name delivers to the same one of the new name."""
    others = Address.objects.filter(destinations__target__endswith=f"@{old}")
    elsewhere = list(others.exclude(domain=domain).select_related("domain").distinct())
    before = {alias.pk: _targets(alias) for alias in elsewhere}
    _replace_ends(old, new)
    for alias in elsewhere:
        _say(actor, alias, "destinations", before[alias.pk], _targets(alias))
    for pointing in Domain.objects.filter(unknown_target__endswith=f"@{old}"):
        target = pointing.unknown_target
        pointing.unknown_target = f"{target.rpartition('@')[0]}@{new}"
        _say(actor, pointing, "unknown_target", target, pointing.unknown_target)
    domain.refresh_from_db()


def _replace_ends(old: str, new: str) -> None:
    """In one statement, however many; what would then be there twice goes first."""
    local = Substr("target", 1, Length("target") - len(old))
    ends = Destination.objects.filter(target__endswith=f"@{old}")
    renamed = ends.annotate(renamed=Concat(local, Value(new)))
    twin = Destination.objects.filter(address=OuterRef("address"), target=OuterRef("renamed"))
    twice: Iterable[int] = renamed.filter(Exists(twin)).values_list("pk", flat=True)
    Destination.objects.filter(pk__in=list(twice)).delete()
    ends.update(target=Concat(Substr(F("target"), 1, Length("target") - len(old)), Value(new)))
