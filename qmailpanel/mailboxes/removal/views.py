"""Removing a mailbox and bringing it back; which are removed, and purging what is kept."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import (
    address_context,
    find_address,
    is_in_row,
    show_row,
)
from qmailpanel.domains.frame import domain_context, find_domain, notices
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.routes.pointers import StillPointedTo, name_pointers, references_to
from qmailpanel.ledger.actors import Actor
from qmailpanel.mailboxes.pages import list_href, show_overview, to_tab
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import see_other, sent, show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.lists import Query
from qmailpanel.web.notices import around

from . import services as removal
from .forms import PurgeForm, RestoreForm
from .lists import addresses_of, removed_among, removed_in, rows_of


@audience(Audience.PERSON)
@require_GET
def list_removed(request: PanelRequest, name: str) -> HttpResponse:
    """The removed mailboxes of a domain that can be restored."""
    domain = find_domain(request, name)
    query, statuses = Query.of(request), Statuses([domain.pk])
    page = query.page_of(removed_in(request.user, domain), ("local", "id"))
    context = {
        **domain_context(request, domain, "mailboxes", statuses),
        **query.context(page),
        "rows": rows_of(request.user, statuses, page.rows),
    }
    return show(request, "mailboxes/removed.html", context)


@audience(Audience.PERSON)
@require_GET
def list_removed_anywhere(request: PanelRequest) -> HttpResponse:
    """Those of all domains that the person looks after, the last removed first."""
    query = Query.of(request)
    page = query.page_of(removed_among(request.user, query), ("-removed_at", "-id"))
    addresses = addresses_of(request.user, page.rows)
    statuses = Statuses(address.domain_id for address in addresses)
    context = {
        **around(notices(statuses)),
        **query.context(page),
        "retention": settings.QMAILPANEL_RETENTION_DAYS,
        "rows": rows_of(request.user, statuses, addresses),
    }
    part = "#list" if wants(request, "list") else ""
    return show(request, f"mailboxes/removed_anywhere.html{part}", context)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def purge(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Purge the mail of a removed mailbox, once its address was typed."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    form = PurgeForm(sent(request), address=str(address))
    if attempt(request, form, lambda actor: removal.purge_mailbox(actor, address)).is_done:
        return to_tab(address)
    context = {**address_context(request, address), "form": form}
    return show(request, "mailboxes/purge.html", context, status=422 if form.errors else 200)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def remove(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Ask, naming what delivers to it; then remove the mailbox."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    if request.method == "GET":
        return _ask(request, address)
    tried = attempt(request, None, lambda actor: _remove(actor, address, request.POST))
    if tried.is_done:
        return show_row(request, address, list_href(name))
    is_asked = isinstance(tried.refusal, StillPointedTo)
    return _ask(request, address, "" if is_asked else tried.why)


def _remove(actor: Actor, address: Address, ticked: QueryDict) -> None:
    removal.remove_mailbox(
        actor,
        address,
        despite_pointers=ticked.get("despite") == "1",
        with_aliases=ticked.get("aliases") == "1",
    )


def _ask(request: PanelRequest, address: Address, why: str = "") -> HttpResponse:
    """Name what delivers to it, as far as the person sees it."""
    references = references_to(address)
    aliases = removal.find_lone_aliases(address, references)
    staying = [row for row in references if row.holder not in aliases]
    pointers = attempt(request, None, lambda actor: name_pointers(staying, actor)).result
    context = {
        **address_context(request, address),
        "pointers": pointers,
        "aliases": aliases,
        "with_aliases": request.method == "GET" or "aliases" in request.POST,
        "why": why,
        "href": list_href(address.domain.name),
        "in_row": is_in_row(request, address),
    }
    template = "mailboxes/remove.html#row" if context["in_row"] else "mailboxes/remove.html"
    return show(request, template, context, status=200 if request.method == "GET" else 422)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_POST
def restore(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Undo a removal; where somebody else has the name by now, under another one."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    if "local" in request.POST:
        return _restore_as(request, address)
    why = attempt(request, None, lambda actor: removal.restore_mailbox(actor, address)).why
    if why and not is_in_row(request, address):
        return show_overview(request, address, why=why)
    return _restored(request, address, why)


def _restore_as(request: PanelRequest, address: Address) -> HttpResponse:
    form = RestoreForm(request.POST).within(address.domain.name)
    tried = attempt(
        request, form, lambda actor: removal.restore_mailbox(actor, address, **form.cleaned_data)
    )
    if tried.is_done:
        return _restored(request, address)
    return show_overview(request, address, restore_form=form)


def _restored(request: PanelRequest, address: Address, why: str = "") -> HttpResponse:
    """Its row, or its page where some of its aliases could not come back."""
    if removal.find_missing(address):
        return see_other(request, to_tab(address).url)
    return show_row(request, address, list_href(address.domain.name), why)
