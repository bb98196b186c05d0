"""The operator's view of the sync service and of the host."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    Max,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Concat
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import SeeOther, around, notices, show, tell, wants
from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.models import SyncNode, SyncPosition, SyncProblem
from qmailpanel.ledger.services import HEARTBEAT, Actor, Statuses

from . import services
from .models import ForeignLine, SyncDrift, SyncQuestion, SyncRun
from .preview import preview

RUNS = 20  # as many as the page shows
LINES = 2000  # of each file's foreign lines, that is


@audience(Audience.OPERATOR)
@require_GET
def page(request: PanelRequest) -> HttpResponse:
    """Where sync stands, what it did, what failed and what waits for an answer."""
    problems, node = list(_problems()), _here(SyncNode).first()
    is_running = _is_alive(node)
    of_host = [problem for problem in problems if problem.domain is None]
    context = {
        **around(tell(of_host, is_running=is_running)),
        **_position(),
        "node": node,
        "is_running": is_running,
        "problems": problems,
        "questions": list(_here(SyncQuestion).filter(answer=None).order_by("asked")),
        "runs": list(_here(SyncRun).order_by("-started", "-id")[:RUNS]),
    }
    return show(request, "sync/page.html", context)


@audience(Audience.OPERATOR)
@require_GET
def plan(request: PanelRequest) -> HttpResponse:
    """What the next run would do."""
    part = "#plan" if wants(request, "plan") else ""
    context = {"plan": preview()}
    if not part:
        context |= around(notices(Statuses([])))
    return show(request, f"sync/plan.html{part}", context)


def _is_alive(node: SyncNode | None) -> bool:
    """The same as `is_service_running()`, of a row already read."""
    heartbeat = node.heartbeat if node else None
    return heartbeat is not None and heartbeat > timezone.now() - HEARTBEAT


def _here(model: type[Model]) -> QuerySet[Any]:
    """The rows of this panel's node."""
    return model._default_manager.filter(node=settings.QMAILPANEL_NODE)


def _position() -> dict[str, Any]:
    """The newest change, the newest that is live, and how many domains are behind."""
    applied = _here(SyncPosition).filter(domain=OuterRef("pk"), applied__gte=OuterRef("change_id"))
    return {
        **Domain.objects.aggregate(
            newest=Max("change_id"), behind=Count("pk", filter=~Exists(applied))
        ),
        **_here(SyncPosition).aggregate(applied=Max("applied")),
    }


def _problems() -> QuerySet[SyncProblem]:
    """What failed, with the names of those it concerns."""
    domain = Domain.objects.filter(pk=OuterRef("domain")).values("name")
    address = Address.objects.filter(pk=OuterRef("address")).values(
        name=Concat(F("local"), Value("@"), F("domain__name"), output_field=CharField())
    )
    here: QuerySet[SyncProblem] = _here(SyncProblem)
    named = here.annotate(domain_name=Subquery(domain), address_name=Subquery(address))
    return named.order_by("since", "id")


@audience(Audience.OPERATOR)
@require_GET
def host(request: PanelRequest) -> HttpResponse:
    """What is on the host and is not the panel's, or not as the panel left it."""
    lines = _here(ForeignLine).order_by("file", "number")[: LINES + 1]
    context = {
        **around(notices(Statuses([]))),
        "drifts": list(_here(SyncDrift).order_by("file", "key")),
        "files": _by_file(lines),
        "is_cut": len(lines) > LINES,
    }
    return show(request, "sync/host.html", context)


def _by_file(lines: Iterable[ForeignLine]) -> list[tuple[str, list[ForeignLine]]]:
    return [(file, list(found)) for file, found in groupby(lines, attrgetter("file"))]


@audience(Audience.OPERATOR)
@require_POST
def answer(request: PanelRequest, pk: int) -> HttpResponse:
    """Yes to a question of the sync service."""
    question = get_object_or_404(_here(SyncQuestion), pk=pk)
    services.answer_question(Actor.of(request), question)
    return SeeOther(reverse("sync:page"))
