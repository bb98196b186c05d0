"""Removed mailboxes: which there are, and destroying what is kept of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.addressed import address_page, find_address
from qmailpanel.domains.frame import (
    Badge,
    SeeOther,
    address_badge,
    domain_page,
    find_domain,
    needs,
    sent,
    show,
)
from qmailpanel.domains.lists import Query
from qmailpanel.domains.models import Address, AddressQuerySet, Domain, Kind
from qmailpanel.domains.rights import Right
from qmailpanel.ledger.models import Change
from qmailpanel.ledger.services import Actor, Refused, Statuses

from .forms import PurgeForm
from .removal import has_other_owner, kept_until, purge_mailbox


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """A removed mailbox as the list shows it; `until`: none, its mail is kept for ever."""

    address: Address
    badge: Badge
    change: Change
    until: datetime | None
    is_taken: bool


@audience(Audience.PERSON)
@require_GET
def list_removed(request: PanelRequest, name: str) -> HttpResponse:
    """Those that can be restored."""
    domain = find_domain(request, name)
    query, statuses = Query.of(request), Statuses([domain.pk])
    found = query.page_of(_removed(request, domain), ("local", "id"))
    context = {
        **domain_page(request, domain, "mailboxes", statuses),
        **query.context(found),
        "rows": _rows(statuses, found.rows),
    }
    return show(request, "mailboxes/removed.html", context)


def _removed(request: PanelRequest, domain: Domain) -> AddressQuerySet:
    mine = Address.objects.for_user(request.user).select_related("domain", "mailbox", "change")
    return mine.filter(domain=domain, kind=Kind.MAILBOX, removed=True, mailbox__purged=False)


def _rows(statuses: Statuses, addresses: Sequence[Address]) -> list[RemovedRow]:
    return [
        RemovedRow(
            address,
            address_badge(statuses, address),
            address.change,
            kept_until(address.mailbox),
            not address.claims and has_other_owner(address),
        )
        for address in addresses
    ]


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def purge(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Destroys the mail of a removed mailbox, once its address was typed."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    form = PurgeForm(sent(request), address=str(address))
    if form.is_valid():
        try:
            purge_mailbox(Actor.of(request), address)
            return SeeOther(reverse("mailboxes:detail", args=[name, pk]))
        except Refused as refusal:
            form.refuse(refusal)
    context = {**address_page(request, address), "form": form}
    return show(request, "mailboxes/purge.html", context, status=422 if form.errors else 200)
