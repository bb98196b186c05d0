"""Another name for an address or a domain. Mail is kept, and what delivers there follows.

The old name stays claimed by an alias, or alias domain, of the new one: switched over at once
where it is to be kept, else removed, so that nobody gets it before the rename is live.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Concat, Length, Substr
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused, parsed
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import upcoming
from qmailpanel.qmail import names

from .access.deed import Deed, deed
from .access.limits import EXPECTED, KEPT, refuse_full
from .access.rights import Right
from .addresses.services import free_local, replace_targets
from .changes import reread
from .models import Address, Claim, Destination, Domain, Kind, Responder
from .names.claims import free_name, refuse_routed
from .names.leaving import refuse_below
from .routes.hops import find_loop
from .routes.pointers import followers_of, name_pointers, references_to
from .routes.references import Reference
from .routes.rings import refuse_rings
from .targets import targets_of


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
    _refuse_left(act, address, keep=keep)
    for each in (address.local, local):
        act.guard.address(each)
    if keep:
        refuse_full(act.domain, Kind.ALIAS, address.local, says=KEPT, field="keep")
    if address.local in EXPECTED:  # which did not count under that name
        refuse_full(act.domain, Kind(address.kind), local)
    act.refuse_outside(targets)
    free_local(act.domain, local)


def _rename_address(act: Deed, address: Address, local: str, *, keep: bool) -> None:
    references = followers_of(references_to(address), act.actor)
    old, target, address.local = address.local, str(address), local
    change = act.record(
        Verb.RENAMED, address, target=target, before={"local": old}, after={"local": local}
    )
    _leave_alias(address, old, change, keep=keep)
    for reference in references:
        _follow_address(act, reference, local)


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


def _refuse_left(act: Deed, address: Address, *, keep: bool) -> None:
    """What does not follow, because the person does not look after it, needs the old name."""
    if keep:
        return
    references = references_to(address)
    followers = followers_of(references, act.actor)
    left = [row for row in references if row not in followers]
    if pointers := name_pointers(left, act.actor):
        raise Refused(
            _("These deliver to %(address)s and would bounce: %(pointers)s. Keep it as an alias."),
            "keep",
            address=str(address),
            pointers=", ".join(pointers),
        )


def _follow_address(act: Deed, reference: Reference, local: str) -> None:
    """Whatever delivered to the old address delivers to the new one."""
    holder, old = reference.holder, reference.target
    new = f"{local}@{old.rpartition('@')[2].lower()}"
    if isinstance(holder, Address):
        before = targets_of(holder)
        after = list(dict.fromkeys(new if target == old else target for target in before))
        replace_targets(holder, after)
        _record_followed(act, holder, "destinations", before, after)
    elif isinstance(holder, Domain):
        holder.unknown_target = new
        _record_followed(act, holder, "unknown_target", old, new)
    else:
        _follow_responder(act, holder, new)


def _follow_responder(act: Deed, responder: Responder, new: str) -> None:
    old, responder.target = responder.target, new
    responder.save(update_fields=["target"])
    if not responder.domain.removed:
        before, after = {"target": old}, {"target": new}
        act.record(Verb.CHANGED, responder.domain, Noun.RESPONDER, before=before, after=after)


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
            if domain.subdomains:
                refuse_below(act, [name])
    return domain


def _rename_domain(act: Deed, domain: Domain, name: names.DomainName, *, keep: bool) -> None:
    old, domain.name = domain.name, name
    change = act.record(
        Verb.RENAMED, domain, target=old, before={"name": old}, after={"name": name}
    )
    former = domain.names.filter(name=old, claims=True)
    former.update(removed=not keep, refuses=not keep, refuses_until=None, change=change)
    act.spread(change)
    _follow_domain(act, domain, old, name)


def _claim_name(domain: Domain, name: names.DomainName) -> None:
    """The name for the domain; an alias domain of its own becomes its name."""
    if domain.names.filter(name=name, claims=True, removed=False).exists():
        return
    refuse_routed(name)
    free_name(name)
    Claim.objects.create(name=name, domain=domain, change_id=upcoming())


def _follow_domain(act: Deed, domain: Domain, old: str, new: str) -> None:
    """What delivers to an address of the old name, or below it, does so to the new name."""
    ends = Destination.objects.filter(_ending(domain, old, "target")).values("address")
    others = Address.objects.filter(pk__in=ends).exclude(domain=domain)
    elsewhere = list(others.select_related("domain").order_by("pk"))
    before = {alias.pk: targets_of(alias) for alias in elsewhere}
    _replace_ends(domain, old, new)
    for alias in elsewhere:
        _record_followed(act, alias, "destinations", before[alias.pk], targets_of(alias))
    for pointing in Domain.objects.filter(_ending(domain, old, "unknown_target")):
        target = pointing.unknown_target
        pointing.unknown_target = f"{target.removesuffix(old)}{new}"
        _record_followed(act, pointing, "unknown_target", target, pointing.unknown_target)
    responders = Responder.objects.filter(_ending(domain, old, "target"))
    for responder in responders.select_related("domain"):
        _follow_responder(act, responder, f"{responder.target.removesuffix(old)}{new}")
    reread(domain)


def _ending(domain: Domain, name: str, column: str) -> Q:
    """Addresses under the name, and below it where that is not a domain of its own."""
    ending = Q(**{f"{column}__endswith": f"@{name}"})
    if not domain.subdomains:
        return ending
    below = Q(**{f"{column}__endswith": f".{name}"})
    for claim in Claim.objects.filter(name__endswith=f".{name}", claims=True):
        below &= ~Q(**{f"{column}__endswith": f"@{claim.name}"})
        if claim.domain.subdomains:
            below &= ~Q(**{f"{column}__endswith": f".{claim.name}"})
    return ending | below


def _replace_ends(domain: Domain, old: str, new: str) -> None:
    """In one statement, however many; what would then be there twice goes first."""
    local = Substr("target", 1, Length("target") - len(old))
    ends = Destination.objects.filter(_ending(domain, old, "target"))
    renamed = ends.annotate(renamed=Concat(local, Value(new)))
    twin = Destination.objects.filter(address=OuterRef("address"), target=OuterRef("renamed"))
    twice: Iterable[int] = renamed.filter(Exists(twin)).values_list("pk", flat=True)
    Destination.objects.filter(pk__in=list(twice)).delete()
    ends.update(target=Concat(Substr(F("target"), 1, Length("target") - len(old)), Value(new)))
