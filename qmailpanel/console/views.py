"""The operator's view of the sync service and of the host."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.ledger.actors import Actor
from qmailpanel.reports.node import find_node, is_alive
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import SyncQuestion, SyncRun
from qmailpanel.web.answers import SeeOther, show, wants
from qmailpanel.web.notices import tell

from . import services
from .overview import find_position, find_problems, frame
from .preview import preview

RUNS = 20  # as many as the page shows


@audience(Audience.OPERATOR)
@require_GET
def page(request: PanelRequest) -> HttpResponse:
    """Where sync stands, what it did, what failed and what waits for an answer."""
    problems, node = list(find_problems()), find_node()
    questions = SyncQuestion.objects.for_user(request.user)
    of_host = [problem for problem in problems if problem.domain is None]
    context = {
        **frame(request, tell(of_host, node)),
        **find_position(),
        "node": node,
        "is_running": is_alive(node),
        "hold": services.find_hold(),
        "problems": problems,
        "questions": list(questions.filter(answer=None).order_by("asked")),
        "runs": list(SyncRun.objects.for_user(request.user).order_by("-id")[:RUNS]),
    }
    return show(request, "console/page.html", context)


@audience(Audience.OPERATOR)
@require_GET
def plan(request: PanelRequest) -> HttpResponse:
    """What the next run would do."""
    part = "#plan" if wants(request, "plan") else ""
    context = {"plan": preview()}
    if not part:
        context |= frame(request, notices(Statuses([])))
    return show(request, f"console/plan.html{part}", context)


@audience(Audience.OPERATOR)
@require_POST
def answer(request: PanelRequest, pk: int) -> HttpResponse:
    """Yes to a question of the sync service."""
    question = get_object_or_404(SyncQuestion.objects.for_user(request.user), pk=pk)
    services.answer_question(Actor.of(request), question)
    return SeeOther(reverse("console:page"))


@audience(Audience.OPERATOR)
@require_POST
def hold(request: PanelRequest) -> HttpResponse:
    """Whether changes wait for the operator."""
    services.switch_hold(Actor.of(request), on=request.POST.get("on") == "1")
    return SeeOther(reverse("console:page"))


@audience(Audience.OPERATOR)
@require_POST
def apply(request: PanelRequest) -> HttpResponse:
    """Yes to the changes that the page showed, and not to later ones."""
    through = request.POST.get("through", "")
    if through.isascii() and through.isdigit() and len(through) < 19:
        services.apply_changes(Actor.of(request), int(through))
    return SeeOther(reverse("console:page"))
