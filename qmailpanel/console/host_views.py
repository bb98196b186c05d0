"""What is on the host and is not the panel's, or not as the panel left it; and deciding on it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import find_domain, notices
from qmailpanel.qmail.numbers import read_numbers
from qmailpanel.qmail.plan.drift import Side
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import DriftDecision, ForeignLine, SyncDrift
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.attempt import attempt
from qmailpanel.web.lists import Query

from .adoptable import find_adoptable
from .decisions import decide_all, group_drifts, no_longer_leave
from .offers import Act
from .overview import console_context

LINES = 2000  # foreign lines shown
DRIFTS = 200


@audience(Audience.OPERATOR)
@require_GET
def host(request: PanelRequest) -> HttpResponse:
    """The three sides of each drift, and the foreign lines."""
    return _page(request)


def _page(request: PanelRequest, why: str = "") -> HttpResponse:
    lines = list(ForeignLine.objects.for_user(request.user).order_by("file", "number")[: LINES + 1])
    drifts = SyncDrift.objects.for_user(request.user).undecided()
    kept = DriftDecision.objects.for_user(request.user).kept()
    context = {
        **console_context(request, notices(Statuses([]))),
        "groups": group_drifts(drifts.order_by("domain", "file", "key")[:DRIFTS]),
        **Query.of(request).context_of(kept, ("domain_id", "file", "key", "kind")),
        "adoptable": list(find_adoptable(lines)),
        "files": _by_file(lines),
        "is_cut": len(lines) > LINES,
        "why": why,
    }
    return show(request, "console/host.html", context, status=422 if why else 200)


def _by_file(lines: Iterable[ForeignLine]) -> list[tuple[str, list[ForeignLine]]]:
    return [(file, list(group)) for file, group in groupby(lines, attrgetter("file"))]


def _answer(request: PanelRequest, act: Act) -> HttpResponse:
    """To a decision: the page, with the reason why not if there is one."""
    tried = attempt(request, None, act)
    return SeeOther(reverse("console:host")) if tried.is_done else _page(request, tried.why)


def _side(request: PanelRequest) -> Side:
    """The side that the button names."""
    return Side.OURS if request.POST.get("side") == Side.OURS else Side.THEIRS


@audience(Audience.OPERATOR)
@require_POST
def decide(request: PanelRequest, pk: int) -> HttpResponse:
    """One drift. If it is another one by now, nothing happens and the page shows that one."""
    shown = list(SyncDrift.objects.for_user(request.user).filter(pk=pk))
    return _answer(request, lambda actor: decide_all(actor, shown, _side(request)))


@audience(Audience.OPERATOR)
@require_POST
def decide_of(request: PanelRequest, name: str) -> HttpResponse:
    """All drifts of a domain that the page showed, or none."""
    domain, pks = find_domain(request, name), read_numbers(request.POST.getlist("drift"))
    shown = SyncDrift.objects.for_user(request.user).filter(domain=domain.pk, pk__in=pks)
    return _answer(request, lambda actor: decide_all(actor, shown, _side(request)))


@audience(Audience.OPERATOR)
@require_POST
def put_back(request: PanelRequest, pk: int) -> HttpResponse:
    """What was kept becomes what the panel wants."""
    kept = get_object_or_404(DriftDecision.objects.for_user(request.user).kept(), pk=pk)
    return _answer(request, lambda actor: no_longer_leave(actor, kept))


@audience(Audience.OPERATOR)
@require_POST
def adopt(request: PanelRequest) -> HttpResponse:
    """A foreign line becomes a row of the panel's. If it is gone by now, nothing happens."""
    file, text = request.POST.get("file", ""), request.POST.get("line", "")
    line = ForeignLine.objects.for_user(request.user).filter(file=file, line=text)[:1]
    for _, offer in find_adoptable(line):
        return _answer(request, offer.act)
    return SeeOther(reverse("console:host"))
