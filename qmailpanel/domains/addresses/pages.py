"""The pages of addresses, as far as mailboxes and aliases look alike."""

from __future__ import annotations

from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.access.limits import room_of
from qmailpanel.domains.access.rights import Right, shown_rights
from qmailpanel.domains.frame import display, domain_context, find_domain, notices
from qmailpanel.domains.fullness import fullness_of
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.targets import has_targets
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import see_other, show, wants
from qmailpanel.web.badges import address_key, domain_badge
from qmailpanel.web.lists import Query, query_of
from qmailpanel.web.notices import FIRST_WAIT, around

from .badge import badge_of, with_state
from .filters import NOTHING, OF_KIND
from .lists import BY_USED, Listing, list_addresses, listed
from .row import AddressList

TABS = {Kind.MAILBOX: "mailboxes", Kind.ALIAS: "aliases"}
SHARED = "components/addresses.html"


def find_address(request: PanelRequest, name: str, kind: Kind, pk: int) -> Address:
    """The person's mailbox or alias of that number; 404 if it is somebody else's."""
    mine = with_state(Address.objects.for_user(request.user)).select_related("domain", "change")
    return _with_rights(get_object_or_404(mine, domain__name=name, kind=kind, pk=pk))


def _with_rights(address: Address) -> Address:
    """What the person may do in the domain came with the address."""
    if hasattr(address, "held"):
        setattr(address.domain, "held", address.held)  # noqa: B010 - an annotation of both
    return address


def find_list(request: PanelRequest, name: str, kind: Kind) -> tuple[Domain, Address | None]:
    """The domain of a list, and the address that stands on top of it."""
    pk = Query.of(request).top
    top = _find_top(request, name, kind, pk) if pk else None
    return (top.domain if top else find_domain(request, name)), top


def _find_top(request: PanelRequest, name: str, kind: Kind, pk: int) -> Address | None:
    domains = Domain.objects.for_user(request.user).claiming().filter(name=name)
    mine = Address.objects.for_user(request.user).claiming().select_related("domain__limits")
    address = listed(mine, kind).filter(pk=pk, kind=kind, domain__in=domains).first()
    return address and _with_rights(address)


def list_context(
    request: PanelRequest, domain: Domain, kind: Kind, top: Address | None
) -> dict[str, Any]:
    """The context of a list page: its rows, and what stands around them."""
    query, statuses = Query.of(request), Statuses([domain.pk])
    mine = Address.objects.for_user(request.user).claiming()
    found = list_addresses(mine, domain, kind, query)
    shown, fates = found.page.rows, Fates(request.user)
    every = [*shown, *([top] if top else [])]
    prefetch_related_objects([row for row in every if has_targets(row)], "destinations")
    for row in every:
        row.domain = domain
    fates.take(every, statuses)
    fates.read(str(row) for row in every)
    frame = domain_context(request, domain, TABS[kind], statuses)
    address_list = AddressList.of(
        request, request.path, frame["display"], can_remove="addresses" in frame["may"]
    )
    rows = [address_list.row(statuses, fates, row) for row in shown]
    if top:
        gone = top.removed
        rows.insert(0, address_list.row(statuses, fates, top, new=not gone, focus=gone))
    return {
        **frame,
        **form_context(domain, kind, request.path, frame["display"]),
        **_asked_context(query, kind, found),
        "fullness": fullness_of(domain) if kind is Kind.MAILBOX and not found.only else None,
        "rows": SafeString("".join(rows)),
    }


def _asked_context(query: Query, kind: Kind, found: Listing) -> dict[str, Any]:
    """What was asked for and what there is of it, for the list, its search and its pages."""
    only, sort = found.only or "", BY_USED if found.is_by_used else ""
    choices = [("", _("All")), *((each.value, each.label) for each in OF_KIND[kind])]
    return {
        "q": query.q,
        "page": found.page,
        "total": found.total,
        "only": found.only,
        "nothing": NOTHING[found.only] if found.only else "",
        "sort": sort,
        "kept": {"only": only, "sort": sort},
        "query": query_of(q=query.q, only=only, sort=sort),
        "by_name": query_of(q=query.q, only=only),
        "filters": [
            (f"?{query_of(q=query.q, only=value, sort=sort)}", label, value == only)
            for value, label in choices
        ],
    }


def _as_listed(address: Address) -> Address:
    """The same with all that a list shows of it."""
    if address.kind == Kind.ALIAS:
        return address
    return with_state(Address.objects.all()).select_related("domain").get(pk=address.pk)


def form_context(domain: Domain, kind: Kind, href: str, name: str = "") -> dict[str, Any]:
    """What the form that adds an address needs besides itself."""
    return {
        "domain": domain,
        "host": f"@{name or display(domain)}",
        "href": href,
        "room": room_of(domain, kind),
        "kind": kind,
    }


def address_context(request: PanelRequest, address: Address) -> dict[str, Any]:
    """The context of a page about one address."""
    statuses = Statuses([address.domain_id])
    page = domain_context(request, address.domain, TABS[Kind(address.kind)], statuses)
    badge = badge_of(statuses, address, _fates_of(request, address, statuses))
    problem = statuses.problem_of_address(address)
    return {
        **page,
        "address": address,
        "host": f"@{display(address.domain)}",
        "badge": badge,
        "cause": problem.cause if problem and badge.why and request.user.is_operator else "",
        "is_left": statuses.is_left(address),
    }


def _fates_of(request: PanelRequest, address: Address, statuses: Statuses) -> Fates:
    """A mailbox that forwards nothing has no destinations to be read."""
    if has_targets(address) and not address.removed:
        prefetch_related_objects([address], "destinations")
    fates = Fates(request.user)
    fates.take([address], statuses)
    return fates


def row_context(
    request: PanelRequest,
    address: Address,
    href: str,
    *,
    why: str = "",
    new: bool = False,
) -> dict[str, Any]:
    """One row, swapped into its place in the list at `href`, and the pulse, awake."""
    statuses = Statuses([address.domain_id])
    can_remove = Right.ADDRESSES in shown_rights(request.user, address.domain)
    row = AddressList.of(request, href, display(address.domain), can_remove=can_remove).row
    listed = _as_listed(address)
    fates = _fates_of(request, listed, statuses)
    return {
        **around(notices(statuses, address.domain), wait=FIRST_WAIT),
        "row": row(statuses, fates, listed, why=why, new=new, focus=not new),
        "domain_badge": domain_badge(statuses, address.domain),
        "host": f"@{display(address.domain)}",
        "sentence": _("%(name)s added.") % {"name": address} if new else "",
        "oob": True,
    }


def is_in_row(request: PanelRequest, address: Address) -> bool:
    """Does htmx swap the answer for the row of that address?"""
    return wants(request, f"row-{address_key(address)}")


def show_row(request: PanelRequest, address: Address, href: str, why: str = "") -> HttpResponse:
    """The row as it is now, with the reason why not; without htmx its list, the row on top."""
    if not is_in_row(request, address):
        return see_other(request, f"{href}?top={address.pk}")
    context = row_context(request, address, href, why=why)
    return show(request, f"{SHARED}#settled", context, status=422 if why else 200)
