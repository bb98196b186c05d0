"""One field that finds anything and says where mail to it goes."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import push_url, replace_url

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.qmail.names import MailAddress
from qmailpanel.qmail.numbers import HIGHEST_ROW, read_number
from qmailpanel.reports.node import find_node, is_alive
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import Errand
from qmailpanel.sync.services import ask_route
from qmailpanel.web.answers import see_other, show, wants
from qmailpanel.web.lists import searched
from qmailpanel.web.notices import FIRST_WAIT, LAST_WAIT, around

from .card import card_of, read_address
from .live import read_live
from .pages import Group, groups_of
from .search import Found, find_home, search


@audience(Audience.PERSON)
@require_GET
def page(request: PanelRequest) -> HttpResponse:
    """What was found; `open`: of anything but a whole address the first of it."""
    asked = searched(request.GET.get("q", ""))
    context = _context(request, asked)
    groups: list[Group] = context["groups"]
    if "open" in request.GET and groups and not context["card"]:
        return redirect(groups[0].hits[0].href)
    if not wants(request, "content"):
        return show(request, "find/page.html", context)
    answer = show(request, "find/page.html#found", context)
    here = request.get_full_path()
    is_here = (request.htmx.current_url_abs_path or "").startswith(reverse("find:page"))
    return replace_url(answer, here) if is_here else push_url(answer, here)


@audience(Audience.PERSON)
@require_POST
def ask(request: PanelRequest) -> HttpResponse:
    """Have the route of mail to an address read from the files; of a domain of one's own."""
    address = read_address(request.POST.get("address", "").strip())
    if not _may_ask(request, address):
        return _to_page(request, q=address)
    errand = ask_route(request.user, MailAddress(address))
    if not wants(request, "live"):
        return _to_page(request, q=address, read=f"{errand.pk}")
    return show(request, "find/live.html", _live_context(request, errand, FIRST_WAIT))


@audience(Audience.PERSON)
@require_GET
def route(request: PanelRequest, pk: int) -> HttpResponse:
    """What came of it, or when to look again."""
    errand = get_object_or_404(Errand.objects.for_user(request.user), pk=pk)
    last = read_number(request.GET.get("wait", ""), LAST_WAIT) or 0
    wait = min(2 * last, LAST_WAIT) or FIRST_WAIT
    return show(request, "find/live.html", _live_context(request, errand, wait))


def _to_page(request: PanelRequest, **query: str) -> HttpResponse:
    return see_other(request, f"{reverse('find:page')}?{urlencode(query)}")


def _may_ask(request: PanelRequest, address: str) -> bool:
    """About addresses of one's own domains; operators about any."""
    return bool(address and (request.user.is_operator or find_home(request.user, address)))


def _live_context(request: PanelRequest, errand: Errand, wait: int) -> dict[str, Any]:
    is_answered = errand.answered is not None
    live = read_live(request.user, errand, Fates(request.user)) if is_answered else None
    is_running = is_answered or is_alive(find_node())
    return {
        "errand": errand,
        "wait": 0 if is_answered else wait,
        "live": live,
        "is_running": is_running,
    }


def _find_errand(request: PanelRequest, about: str) -> Errand | None:
    pk = read_number(request.GET.get("read", ""), HIGHEST_ROW)
    if not pk:
        return None
    return Errand.objects.for_user(request.user).filter(pk=pk, about=about).first()


def _context(request: PanelRequest, asked: str) -> dict[str, Any]:
    """Each row is read once, whoever shows it."""
    user, address = request.user, read_address(asked)
    found = search(user, asked) if asked else Found()
    fates, statuses = Fates(user), Statuses(found.domain_numbers)
    fates.take(found.rows.values(), statuses)
    fates.read([*map(str, found.shown), *([address] if address else [])])
    groups = groups_of(found, asked, statuses, fates)
    errand = _find_errand(request, address) if address else None
    return {
        **(_live_context(request, errand, FIRST_WAIT) if errand else {}),
        "may_ask": bool(address and (found.home or user.is_operator)),
        **around(notices(statuses), wait=0),
        "asked": asked,
        "card": card_of(user, address, fates, found) if address else None,
        "groups": groups,
    }
