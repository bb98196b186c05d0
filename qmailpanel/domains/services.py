"""What people do with domains."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Max, Q
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.models import RoutedLine, SyncNode, Verb
from qmailpanel.ledger.services import (
    Actor,
    Refused,
    Status,
    Statuses,
    ledger_locked,
    upcoming,
)
from qmailpanel.qmail import names

from .models import Address, Destination, Domain, DomainName, Kind, Unknown
from .routes import way_back
from .rows import amend, log, one_line, refuse_removed, reread

EXPECTED = ("postmaster", "abuse")  # addresses that every domain answers to. See RFC 2142.


@ledger_locked()
def add_domain(
    actor: Actor,
    name: names.DomainName,
    *,
    description: str = "",
    contact: names.Destination | None = None,
    enabled: bool = True,
) -> Domain:
    """A new domain; with a contact, its postmaster and abuse deliver there."""
    _free_name(name)
    _refuse_routed(name)
    domain = Domain.objects.create(
        name=name,
        prepend=_next_prepend(),
        description=one_line(description, "description"),
        enabled=enabled,
        change_id=upcoming(),
    )
    DomainName.objects.create(name=name, domain=domain)
    after = {"description": domain.description, "enabled": enabled, "contact": contact or ""}
    domain.change = log(actor, Verb.ADDED, domain, before={}, after=after)
    if contact:
        _add_expected(domain, contact)
    return domain


def _add_expected(domain: Domain, contact: names.Destination) -> None:
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


def _free_name(name: str) -> None:
    """Take the name from a domain whose removal is live; refuse while anybody else has it."""
    claim = DomainName.objects.filter(name=name, claims=True).select_related("domain").first()
    if claim is None:
        return
    if not claim.domain.removed:
        raise Refused(_("%(name)s is a domain here already."), "name", name=name)
    if Statuses([claim.domain_id]).of_domain(claim.domain) is not Status.REMOVED:
        raise Refused(_("%(name)s is still being removed."), "name", name=name)
    claim.claims = False
    claim.save(update_fields=["claims"])


def _refuse_routed(name: str) -> None:
    labels = name.split(".")
    parents = ["." + ".".join(labels[start:]) for start in range(1, len(labels))]
    routed = RoutedLine.objects.filter(Q(name__in=[name, *parents]) | Q(name__endswith=f"@{name}"))
    line = routed.order_by("file", "number").first()
    if line:
        raise Refused(
            _(
                "This host routes mail of %(name)s already, "
                "in line %(number)d of %(file)s: %(line)s. Take that line out first."
            ),
            "name",
            name=name,
            number=line.number,
            file=line.file,
            line=line.line,
        )


@ledger_locked()
def change_domain(
    actor: Actor,
    domain: Domain,
    *,
    description: str | None = None,
    unknown: Unknown | None = None,
    unknown_text: str = "",
    unknown_target: str = "",
) -> Domain:
    """Another description, or another fate for unknown recipients; None leaves either alone."""
    reread(domain)
    refuse_removed(domain)
    wanted = {}
    if description is not None:
        wanted["description"] = one_line(description, "description")
    if unknown is not None:
        wanted |= _unknown(domain, unknown, unknown_text, unknown_target)
    amend(actor, Verb.CHANGED, domain, **wanted)
    return domain


def _unknown(domain: Domain, unknown: Unknown, text: str, target: str) -> dict[str, str]:
    """The three fields about unknown recipients, those without a meaning blank."""
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
        target = names.Destination(text)
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
def switch_domain(actor: Actor, domain: Domain, *, on: bool) -> Domain:
    """Off: the host no longer accepts mail for the domain; its rows and its mail are kept."""
    reread(domain)
    refuse_removed(domain)
    _amend_whole(actor, Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF, domain, enabled=on)
    return domain


@ledger_locked()
def remove_domain(actor: Actor, domain: Domain) -> Domain:
    """Stop delivery; all rows stay, and the name stays claimed until that is live."""
    reread(domain)
    _amend_whole(actor, Verb.REMOVED, domain, removed=True)
    return domain


@ledger_locked()
def restore_domain(actor: Actor, domain: Domain) -> Domain:
    """Undo a removal, unless somebody else has the name by now."""
    reread(domain)
    if domain.removed:
        _claim_again(domain)
        _refuse_routed(domain.name)
        _amend_whole(actor, Verb.RESTORED, domain, removed=False)
    return domain


def _claim_again(domain: Domain) -> None:
    claim = domain.names.get(name=domain.name)
    if not claim.claims:
        _free_name(domain.name)
        claim.claims = True
        claim.save(update_fields=["claims"])


def _amend_whole(actor: Actor, verb: Verb, domain: Domain, **wanted: bool) -> None:
    """What is done to a domain is done to its addresses: they are live again when it is."""
    change = amend(actor, verb, domain, **wanted)
    if change:
        domain.addresses.filter(removed=False).update(change=change)
