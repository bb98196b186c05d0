"""One field that finds anything and says where mail to it goes."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET
from django_htmx.http import push_url, replace_url

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show, wants
from qmailpanel.web.notices import around

from .card import card_of, read_address
from .pages import Group, groups_of
from .search import search

LONGEST = 320


@audience(Audience.PERSON)
@require_GET
def page(request: PanelRequest) -> HttpResponse:
    """What was found; `open`: of anything but a whole address the first of it."""
    asked = normalize("NFC", request.GET.get("q", "").strip().lower())[:LONGEST]
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


def _context(request: PanelRequest, asked: str) -> dict[str, Any]:
    address = read_address(asked)
    found = search(request.user, asked) if asked else None
    return {
        **around(notices(Statuses([])), wait=0),
        "asked": asked,
        "card": card_of(request.user, address) if address else None,
        "groups": groups_of(request.user, found, asked) if found else [],
    }
