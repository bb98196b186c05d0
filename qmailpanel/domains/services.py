"""What people do with domains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused, parsed
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import upcoming
from qmailpanel.qmail import names
from qmailpanel.reports.models import KnownHost, SyncNode
from qmailpanel.reports.node import knows_recipients

from .access.deed import Deed, deed
from .access.limits import EXPECTED
from .access.rights import Right
from .changes import one_line
from .models import Address, Claim, Destination, Domain, Kind, OwnItem, Unknown
from .names.claims import claim_again, free_name, refuse_asking, refuse_routed
from .names.leaving import begin_refusal, refuse_below, take_back_refusal
from .routes.hops import find_loop
from .routes.pointers import references_into, refuse_pointed_to, served_names
from .routes.rings import refuse_rings_of


def add_domain(
    actor: Actor,
    name: names.DomainName,
    *,
    description: str = "",
    contact: names.MailAddress | None = None,
    enabled: bool = True,
) -> Domain:
    """A new domain; with a contact, its postmaster and abuse deliver there."""
    with deed(actor, by_operator=True) as act:
        refuse_asking()
        free_name(name)
        refuse_routed(name)
        domain = Domain.objects.create(
            name=name,
            prepend=_next_prepend(),
            description=one_line(description, "description"),
            enabled=enabled,
            change_id=upcoming(),
        )
        Claim.objects.create(name=name, domain=domain, change_id=domain.change_id)
        after = {"description": domain.description, "enabled": enabled, "contact": contact or ""}
        act.record(Verb.ADDED, domain, after=after)
        if contact:
            _add_expected(domain, contact)
        refuse_rings_of(domain)
    return domain


def _add_expected(domain: Domain, contact: names.MailAddress) -> None:
    for local in EXPECTED:
        if contact.lower() == f"{local}@{domain.name}":
            continue  # it would deliver to itself
        address = Address.objects.create(
            domain=domain, local=local, kind=Kind.ALIAS, change_id=domain.change_id
        )
        Destination.objects.create(address=address, target=contact)


def _next_prepend() -> int:
    """Above all that this panel ever gave and all that sync saw on the host: never used twice."""
    used = Domain.objects.aggregate(last=Max("prepend"))["last"] or 0
    seen = SyncNode.objects.aggregate(last=Max("highest_prepend"))["last"] or 0
    known = KnownHost.objects.aggregate(last=Max("highest_prepend"))["last"] or 0
    return max(settings.QMAILPANEL_FIRST_PREPEND - 1, used, seen, known) + 1


def change_domain(
    actor: Actor,
    domain: Domain,
    *,
    description: str | None = None,
    unknown: Unknown | None = None,
    unknown_text: str = "",
    unknown_target: str = "",
    subdomains: bool | None = None,
) -> Domain:
    """Another description, another fate for unknown recipients; None leaves either alone.

    `subdomains`: whether mail to any name below the domain's is mail to the domain.
    """
    wanted: dict[str, Any] = {}
    with deed(actor, domain) as act:
        if description is not None:
            wanted["description"] = one_line(description, "description")
        if unknown is not None:
            wanted |= _read_unknown(domain, unknown, unknown_text, unknown_target)
        if subdomains is not None:
            wanted |= {"subdomains": subdomains}
        is_wider = bool(subdomains) and not domain.subdomains
        if is_wider:
            _refuse_subdomains(domain)
        _allow_fields(act, {name for name in wanted if wanted[name] != getattr(domain, name)})
        if wanted.get("unknown_target", domain.unknown_target) != domain.unknown_target:
            act.refuse_outside([wanted["unknown_target"]])
        act.change(domain, **wanted)
        if is_wider:
            refuse_rings_of(domain, "subdomains")
            refuse_below(act, served_names(domain))
    return domain


def _allow_fields(act: Deed, changed: set[str]) -> None:
    """Whether the person may change these fields of the domain."""
    if "subdomains" in changed:
        act.require_operator()
    if changed - {"subdomains"}:
        act.require(Right.UNKNOWN)
    if changed - {"subdomains", "description"}:
        act.guard.unknown_recipients()


def _refuse_subdomains(domain: Domain) -> None:
    refuse_routed(f".{domain.name}", "subdomains")
    if knows_recipients():
        raise Refused(
            _("This host lists the recipients it knows, and such a list has no sub-domains."),
            "subdomains",
        )


def _read_unknown(domain: Domain, unknown: Unknown, text: str, target: str) -> dict[str, str]:
    """The three fields about unknown recipients, those without a meaning blank."""
    if unknown == Unknown.REFUSE and not knows_recipients():
        raise Refused(_("This host cannot refuse recipients at the door."), "unknown")
    is_bounce = unknown == Unknown.BOUNCE
    wanted = {
        "unknown": str(unknown),
        "unknown_text": one_line(text, "unknown_text") if is_bounce else "",
        "unknown_target": "",
    }
    if unknown == Unknown.FORWARD:
        wanted["unknown_target"] = _read_forward(domain, target)
    if unknown == Unknown.MAILBOX:
        wanted["unknown_target"] = _read_mailbox(domain, target)
    return wanted


def _read_forward(domain: Domain, text: str) -> str:
    target = parsed(names.MailAddress, text, "unknown_target")
    _refuse_back(domain, target)
    return target


def _refuse_back(domain: Domain, target: str) -> None:
    if find_loop(f"@{domain.name}", [target]):
        raise Refused(
            _("Mail for unknown recipients would come back again from %(target)s."),
            "unknown_target",
            target=target,
        )


def _read_mailbox(domain: Domain, text: str) -> str:
    local = text.strip().lower().removesuffix(f"@{domain.name}")
    mailboxes = domain.addresses.filter(kind=Kind.MAILBOX, removed=False)
    if not mailboxes.filter(local=local).exists():
        raise Refused(_("Choose a mailbox of %(name)s."), "unknown_target", name=domain.name)
    target = f"{local}@{domain.name}"
    _refuse_back(domain, target)
    return target


def change_withheld(actor: Actor, domain: Domain, *, withheld: Iterable[str]) -> Domain:
    """What the owners of its mailboxes do not find on their pages: values of `OwnItem`."""
    chosen = set(withheld)
    with deed(actor, domain, by_operator=True) as act:
        act.change(domain, withheld=[item.value for item in OwnItem if item in chosen])
    return domain


def switch_domain(actor: Actor, domain: Domain, *, on: bool) -> Domain:
    """Off: the host no longer accepts mail for the domain; its rows and its mail are kept."""
    with deed(actor, domain, by_operator=True) as act:
        _change_whole(act, Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF, enabled=on)
    return domain


def remove_domain(actor: Actor, domain: Domain, *, despite_pointers: bool = False) -> Domain:
    """Stop delivery; all rows stay, and the name stays claimed until that is live.

    Asks first where other domains deliver to it.
    """
    with deed(actor, domain, by_operator=True, removed=True) as act:
        if not (domain.removed or despite_pointers):
            refuse_pointed_to(domain.name, references_into(domain), actor)
        if not domain.removed:
            begin_refusal(domain)
        _change_whole(act, Verb.REMOVED, removed=True)
    return domain


def restore_domain(actor: Actor, domain: Domain) -> Domain:
    """Undo a removal, unless somebody else has the name by now."""
    with deed(actor, domain, by_operator=True, removed=True) as act:
        if domain.removed:
            claim_again(domain)
            refuse_routed(domain.name)
            _change_whole(act, Verb.RESTORED, removed=False)
            take_back_refusal(domain)
            refuse_rings_of(domain)
            if domain.subdomains:
                refuse_below(act, served_names(domain))
    return domain


def _change_whole(act: Deed, verb: Verb, **wanted: bool) -> None:
    """What is done to a domain is done to its addresses: they are live again when it is."""
    change = act.change(act.domain, verb, **wanted)
    if change:
        act.spread(change)
