"""How the shared files were: their generations, any two compared, and the way back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.numbers import read_numbers
from qmailpanel.qmail.plan.steps import printable
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.generations import SHOWN, describe_difference, read_generation
from qmailpanel.sync.models import Generation
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.attempt import attempt

from .going_back import WayBack, find_way_back, go_back
from .overview import console_context


@audience(Audience.OPERATOR)
@require_GET
def history(request: PanelRequest) -> HttpResponse:
    """The generations of one file, newest first."""
    generations = Generation.objects.for_user(request.user).defer("content")
    files = sorted(set(generations.values_list("file", flat=True)))
    file = request.GET.get("file", "")
    if file not in files:
        file = Shared.ASSIGN if Shared.ASSIGN in files else next(iter(files), "")
    context = {
        **_around(request),
        "files": files,
        "file": file,
        "generations": list(
            generations.filter(file=file).order_by("-number")[: settings.QMAILPANEL_GENERATIONS]
        ),
    }
    return show(request, "console/history.html", context)


def _around(request: PanelRequest) -> dict[str, Any]:
    return console_context(request, notices(Statuses([])))


@audience(Audience.OPERATOR)
@require_GET
def compare(request: PanelRequest) -> HttpResponse:
    """What differs between two generations of a file, the older one first."""
    typed = [request.GET.get(side, "") for side in ("one", "other")]
    mine = Generation.objects.for_user(request.user)
    both = list(mine.filter(pk__in=read_numbers(typed)).order_by("number"))
    if not both or len({one.file for one in both}) > 1:
        return SeeOther(reverse("console:history"))
    old, new = both[0], both[-1]
    text = describe_difference(read_generation(old), read_generation(new))
    context = {**_around(request), "old": old, "new": new, "difference": text[:SHOWN]}
    return show(request, "console/compare.html", {**context, "is_cut": len(text) > SHOWN})


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def back(request: PanelRequest, pk: int) -> HttpResponse:
    """What going back to a generation takes; and going there."""
    mine = Generation.objects.for_user(request.user)
    to = get_object_or_404(mine, pk=pk)
    newest = mine.filter(file=to.file).latest("number")
    search = attempt(request, None, lambda _actor: find_way_back(to, newest))
    way, why = search.result or WayBack([], []), search.why
    read = request.POST.get("from"), request.POST.get("broken")
    if search.is_done and read == (str(newest.pk), way.digest):
        tried = attempt(request, None, lambda actor: go_back(actor, way))
        if tried.is_done:
            return SeeOther(reverse("console:page"))
        why = tried.why
    context = {
        **_around(request),
        "to": to,
        "newest": newest,
        "way": way,
        "unmatched": [
            printable(line.decode("utf-8", "backslashreplace").rstrip()) for line in way.unmatched
        ],
        "difference": describe_difference(read_generation(newest), read_generation(to))[:SHOWN],
        "why": why,
    }
    return show(request, "console/back.html", context, status=422 if why else 200)
