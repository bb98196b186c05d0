"""Who has a name: at most one domain, and nobody where the host routes its mail already."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.environment.installed import sync_command
from qmailpanel.ledger.actors import Refused
from qmailpanel.ledger.services import upcoming
from qmailpanel.reports.models import KnownHost, RoutedLine
from qmailpanel.reports.statuses import Status, Statuses


def free_name(name: str) -> None:
    """Take the name from whoever's removal is live; refuse while anybody else has it."""
    claim = Claim.objects.filter(name=name, claims=True).select_related("domain").first()
    if claim is None:
        return
    _refuse_held(claim)
    if status_of(claim, Statuses([claim.domain_id])) is not Status.REMOVED:
        raise Refused(_("%(name)s is still being removed."), "name", name=name)
    if claim.refuses:  # what it had there goes in the run that brings the name to its new place
        Domain.objects.filter(pk=claim.domain_id).update(change_id=upcoming())
    claim.claims = claim.refuses = False
    claim.save(update_fields=["claims", "refuses"])


def _refuse_held(claim: Claim) -> None:
    if claim.domain.removed or claim.removed:
        return
    if claim.name == claim.domain.name:
        raise Refused(_("%(name)s is a domain here already."), "name", name=claim.name)
    raise Refused(
        _("%(name)s is an alias domain of %(domain)s."),
        "name",
        name=claim.name,
        domain=claim.domain.name,
    )


def status_of(claim: Claim, statuses: Statuses) -> Status:
    """A name goes with its domain; an alias domain may go before."""
    status = statuses.of_domain(claim.domain)
    return statuses.of_name(claim) if claim.removed and not claim.domain.removed else status


def claim_again(domain: Domain) -> None:
    """Names given up while the domain was removed; alias domains that others took stay theirs."""
    for claim in domain.names.filter(claims=False, removed=False):
        if claim.name == domain.name:
            free_name(claim.name)
        elif Claim.objects.filter(name=claim.name, claims=True).exists():
            continue
        claim.claims = True
        claim.save(update_fields=["claims"])


def refuse_asking() -> None:
    """No new domain while it is not known what the host keeps: its number could be another's."""
    if KnownHost.objects.filter(node=settings.QMAILPANEL_NODE, asking=True).exists():
        raise Refused(
            _("The sync service waits for the operator's answer; until then no domain is added."),
            "name",
        )


def _refuse_unread(field: str) -> None:
    if not KnownHost.objects.filter(node=settings.QMAILPANEL_NODE).exists():
        raise Refused(
            _("The sync service has not read this host yet. Start it first: %(command)s"),
            field,
            command=sync_command(),
        )


def refuse_routed(name: str, field: str = "name") -> None:
    """Refuse a name, or with a dot in front all names below it, that a line of the host routes.

    Of a host that was never read nobody knows that.
    """
    _refuse_unread(field)
    labels = name.lstrip(".").split(".")
    parents = ["." + ".".join(labels[start:]) for start in range(1, len(labels))]
    routed = RoutedLine.objects.filter(Q(name__in=[name, *parents]) | Q(name__endswith=f"@{name}"))
    line = routed.order_by("file", "number").first()
    if line:
        raise Refused(
            _(
                "This host routes mail of %(name)s already, "
                "in line %(number)d of %(file)s: %(line)s. Take that line out first."
            ),
            field,
            name=name,
            number=line.number,
            file=line.file,
            line=line.line,
        )
