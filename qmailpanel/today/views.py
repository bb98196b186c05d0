"""The front page: what needs a person, and the domains below it."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.accounts.models import User
from qmailpanel.domains.frame import notices
from qmailpanel.domains.lists import DomainRows
from qmailpanel.domains.models import Domain
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.paging import page as page_of
from qmailpanel.reports.models import SyncNode
from qmailpanel.reports.node import find_node
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show, wants
from qmailpanel.web.lists import Query
from qmailpanel.web.notices import Notice, around, make_notices

from .of_host import needs_of_host
from .of_mail import needs_of_mail
from .of_nowhere import hidden_items, lost_items, needs_of_nowhere, nowhere_for
from .wellness import state_of

SHOWN = 20  # domains; all of them have a page of their own
SOON, LATER = 2, 20  # seconds until the page looks again: while something moves, and else


@audience(Audience.SIGNED_IN)
@require_GET
def page(request: PanelRequest) -> HttpResponse:
    """An owner starts with the mailbox, and who looks after one domain with that if all is well."""
    if request.user.is_owner:
        return redirect("mailboxes:own")
    context = _context(request)
    rows, is_watching = context["rows"], wants(request, "watch")
    if is_watching and request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    is_single = len(rows) == 1 and not (request.user.is_operator or context["needs"])
    if is_single and not is_watching:
        return redirect(rows[0].href)
    return show(request, "today/page.html", context)


def _context(request: PanelRequest) -> dict[str, Any]:
    user, node = request.user, find_node()
    of_host = needs_of_host(user, node) if user.is_operator else ()
    needs = [*needs_of_nowhere(user), *needs_of_mail(user), *of_host]
    mine = Domain.objects.for_user(user).filter(removed=False).select_related("limits")
    first = page_of(mine, key=("name",), size=SHOWN)
    some = DomainRows(first.rows)
    rows = [some.row(domain) for domain in first.rows]
    state = state_of(user, node, None if first.next else rows, needs)
    is_moving = any(row.badge.is_unsettled for row in rows) or bool(node and node.total)
    return {
        **around(_notices(user, node)),
        "needs": needs,
        "rows": rows,
        "next": first.next,
        "state": state,
        "seen": f"{crc32(repr((needs, rows, state)).encode()):x}",
        "watch": SOON if is_moving else LATER,
    }


def _notices(user: User, node: SyncNode | None) -> list[Notice]:
    """What is no line of its own: for operators all else of the service is one."""
    notices = make_notices([], node)
    return [each for each in notices if each.total or not (user.is_operator or each.is_private)]


@audience(Audience.PERSON)
@require_GET
def nowhere(request: PanelRequest) -> HttpResponse:
    """Every alias and forwarding that goes nowhere; of one page those that still do."""
    user, query, fates = request.user, Query.of(request), Fates(request.user)
    found = query.page_of(nowhere_for(user), ("domain", "address"))
    lost = lost_items(user, found.rows, fates)
    if not found.next:
        lost += hidden_items(user, fates)
    items = [item for _address, item in lost]
    context = {**around(notices(Statuses([]))), **query.context(found), "items": items}
    return show(request, "today/nowhere.html", context)
