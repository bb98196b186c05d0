"""The operator's view of the sync service and of the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zlib import crc32

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.ledger.actors import Actor
from qmailpanel.qmail.numbers import HIGHEST_ROW, read_number
from qmailpanel.reports.node import find_node, is_alive
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import SyncQuestion, SyncRun
from qmailpanel.sync.services import answer_question
from qmailpanel.web.answers import SeeOther, show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.notices import make_notices

from . import services
from .overview import console_context, find_position, find_problems
from .preview import preview

RUNS = 20  # as many as the page shows
SOON, LATER = 2, 20  # seconds until the page looks again: while something moves, and else


@audience(Audience.OPERATOR)
@require_GET
def page(request: PanelRequest) -> HttpResponse:
    """Where sync stands, what it did, what failed and what waits for an answer."""
    return _page(request)


def _page(request: PanelRequest, why: str = "") -> HttpResponse:
    problems, more = find_problems()
    node, position = find_node(), find_position()
    questions = SyncQuestion.objects.for_user(request.user)
    of_host = [problem for problem in problems if problem.domain is None]
    shown = {
        **position,
        "node": node,
        "is_running": is_alive(node),
        "hold": services.find_hold(),
        "problems": problems,
        "more": more,
        "questions": list(questions.filter(answer=None).order_by("asked")),
        "runs": list(SyncRun.objects.for_user(request.user).order_by("-id")[:RUNS]),
    }
    seen = _mark_of(shown)
    if wants(request, "watch") and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    is_moving = position["behind"] > 0 or (node is not None and node.total > 0)
    context = {
        **console_context(request, make_notices(of_host, node)),
        **shown,
        "seen": seen,
        "watch": SOON if is_moving else LATER,
        "why": why,
    }
    response = show(request, "console/page.html", context, status=422 if why else 200)
    return trigger_client_event(response, "moved") if wants(request, "watch") else response


def _mark_of(shown: dict[str, Any]) -> str:
    """What a page that looks again says it has: the same as long as nothing else is to be seen."""
    node, runs = shown["node"], shown["runs"][:1]
    rows = [row.pk for row in (*shown["problems"], *shown["questions"])]
    counts = (node.done, node.total, node.holding, node.drifts, node.alarms) if node else ()
    last = [(run.pk, run.tries) for run in runs]
    facts = ("applied", "newest", "behind", "is_running", "more")
    position = [shown[fact] for fact in facts]
    return f"{crc32(repr((position, counts, rows, last)).encode()):x}"


def _answer(request: PanelRequest, act: Callable[[Actor], object]) -> HttpResponse:
    """To a button: the page, with the reason why not if there is one."""
    tried = attempt(request, None, act)
    return SeeOther(reverse("console:page")) if tried.is_done else _page(request, tried.why)


@audience(Audience.OPERATOR)
@require_GET
def plan(request: PanelRequest) -> HttpResponse:
    """What the next run would do."""
    part = "#plan" if wants(request, "plan") else ""
    context = {"plan": preview()}
    if not part:
        context |= console_context(request, notices(Statuses([])))
    return show(request, f"console/plan.html{part}", context)


@audience(Audience.OPERATOR)
@require_POST
def answer(request: PanelRequest, pk: int) -> HttpResponse:
    """Yes to a question of the sync service."""
    question = get_object_or_404(SyncQuestion.objects.for_user(request.user), pk=pk)
    return _answer(request, lambda actor: answer_question(actor, question))


@audience(Audience.OPERATOR)
@require_POST
def hold(request: PanelRequest) -> HttpResponse:
    """Whether changes wait for the operator."""
    on = request.POST.get("on") == "1"
    return _answer(request, lambda actor: services.switch_hold(actor, on=on))


@audience(Audience.OPERATOR)
@require_POST
def apply(request: PanelRequest) -> HttpResponse:
    """Yes to the changes that the page showed, and not to later ones."""
    through = read_number(request.POST.get("through", ""), HIGHEST_ROW)
    if through is None:
        return SeeOther(reverse("console:page"))
    return _answer(request, lambda actor: services.apply_changes(actor, through))
