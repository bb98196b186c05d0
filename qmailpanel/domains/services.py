"""What people do with domains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked, upcoming
from qmailpanel.qmail import names
from qmailpanel.reports.models import SyncNode
from qmailpanel.reports.node import knows_recipients

from .access.guard import guard_unknown
from .access.limits import EXPECTED
from .access.rights import Right, refuse_outside, require, require_operator
from .changes import amend, log, one_line, refuse_removed, reread
from .models import Address, Claim, Destination, Domain, Kind, OwnItem, Unknown
from .names.claims import claim_again, free_name, refuse_routed
from .routes.hops import way_back


@ledger_locked()
def add_domain(
    actor: Actor,
    name: names.DomainName,
    *,
    description: str = "",
    contact: names.MailAddress | None = None,
    enabled: bool = True,
) -> Domain:
    """A new domain; with a contact, its postmaster and abuse deliver there."""
    require_operator(actor)
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
    domain.change = log(actor, Verb.ADDED, domain, before={}, after=after)
    if contact:
        _add_expected(domain, contact)
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
    return max(settings.QMAILPANEL_FIRST_PREPEND - 1, used, seen) + 1


@ledger_locked()
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
    reread(domain)
    refuse_removed(domain)
    wanted: dict[str, Any] = {}
    if description is not None:
        wanted["description"] = one_line(description, "description")
    if unknown is not None:
        wanted |= _unknown(domain, unknown, unknown_text, unknown_target)
    if subdomains is not None:
        wanted |= {"subdomains": subdomains}
    if subdomains and not domain.subdomains:
        _refuse_subdomains(domain)
    _allow(actor, domain, {name for name in wanted if wanted[name] != getattr(domain, name)})
    if wanted.get("unknown_target", domain.unknown_target) != domain.unknown_target:
        refuse_outside(actor, domain, [wanted["unknown_target"]])
    amend(actor, Verb.CHANGED, domain, **wanted)
    return domain


def _allow(actor: Actor, domain: Domain, changed: set[str]) -> None:
    """Whether the person may change these fields of the domain."""
    if "subdomains" in changed:
        require_operator(actor)
    if changed - {"subdomains"}:
        require(actor, domain, Right.UNKNOWN)
    if changed - {"subdomains", "description"}:
        guard_unknown(actor, domain)


def _refuse_subdomains(domain: Domain) -> None:
    refuse_routed(f".{domain.name}", "subdomains")
    if knows_recipients():
        raise Refused(
            _("This host lists the recipients it knows, and such a list has no sub-domains."),
            "subdomains",
        )


def _unknown(domain: Domain, unknown: Unknown, text: str, target: str) -> dict[str, str]:
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
        wanted["unknown_target"] = _forward_target(domain, target)
    if unknown == Unknown.MAILBOX:
        wanted["unknown_target"] = _mailbox_target(domain, target)
    return wanted


def _forward_target(domain: Domain, text: str) -> str:
    try:
        target = names.MailAddress(text)
    except names.InvalidName as error:
        raise Refused(error.template, "unknown_target", **error.params) from error
    if way_back(f"@{domain.name}", [target]):
        raise Refused(
            _("Mail for unknown recipients would come back again from %(target)s."),
            "unknown_target",
            target=target,
        )
    return target


def _mailbox_target(domain: Domain, text: str) -> str:
    local = text.strip().lower().removesuffix(f"@{domain.name}")
    mailboxes = domain.addresses.filter(kind=Kind.MAILBOX, removed=False)
    if not mailboxes.filter(local=local).exists():
        raise Refused(_("Choose a mailbox of %(name)s."), "unknown_target", name=domain.name)
    return f"{local}@{domain.name}"


@ledger_locked()
def change_withheld(actor: Actor, domain: Domain, *, withheld: Iterable[str]) -> Domain:
    """What the owners of its mailboxes do not find on their pages: values of `OwnItem`."""
    require_operator(actor)
    reread(domain)
    refuse_removed(domain)
    chosen = set(withheld)
    amend(actor, Verb.CHANGED, domain, withheld=[i.value for i in OwnItem if i in chosen])
    return domain


@ledger_locked()
def switch_domain(actor: Actor, domain: Domain, *, on: bool) -> Domain:
    """Off: the host no longer accepts mail for the domain; its rows and its mail are kept."""
    require_operator(actor)
    reread(domain)
    refuse_removed(domain)
    _amend_whole(actor, Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF, domain, enabled=on)
    return domain


@ledger_locked()
def remove_domain(actor: Actor, domain: Domain) -> Domain:
    """Stop delivery; all rows stay, and the name stays claimed until that is live."""
    require_operator(actor)
    reread(domain)
    _amend_whole(actor, Verb.REMOVED, domain, removed=True)
    return domain


@ledger_locked()
def restore_domain(actor: Actor, domain: Domain) -> Domain:
    """Undo a removal, unless somebody else has the name by now."""
    require_operator(actor)
    reread(domain)
    if domain.removed:
        claim_again(domain)
        refuse_routed(domain.name)
        _amend_whole(actor, Verb.RESTORED, domain, removed=False)
    return domain


def _amend_whole(actor: Actor, verb: Verb, domain: Domain, **wanted: bool) -> None:
    """What is done to a domain is done to its addresses: they are live again when it is."""
    change = amend(actor, verb, domain, **wanted)
    if change:
        domain.addresses.filter(removed=False).update(change=change)
        domain.names.filter(removed=False).update(change=change)
