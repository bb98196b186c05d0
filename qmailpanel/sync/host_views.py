"""What is on the host and is not the panel's, or not as the panel left it; and deciding on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import SeeOther, find_domain, notices, show
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.services import Actor, Refused, Statuses
from qmailpanel.qmail.drift import Side

from .decisions import (
    Offer,
    find_adoptable,
    find_left,
    find_offers,
    no_longer_leave,
    put_ours_back,
    take_theirs,
)
from .models import DriftDecision, ForeignLine, SyncDrift
from .overview import frame, here

LINES = 2000  # foreign lines shown
DRIFTS = 200


@dataclass(frozen=True)
class DriftRow:
    """A drift as the page shows it; without an offer its line cannot become rows."""

    drift: SyncDrift
    offer: Offer | None


@dataclass(frozen=True)
class DriftsOfDomain:
    """The drifts of one domain; without a domain nothing can be decided."""

    domain: Domain | None
    rows: Sequence[DriftRow]


@audience(Audience.OPERATOR)
@require_GET
def host(request: PanelRequest) -> HttpResponse:
    """The three sides of each drift, and the foreign lines."""
    return _page(request)


def _page(request: PanelRequest, why: str = "") -> HttpResponse:
    lines = list(here(ForeignLine).order_by("file", "number")[: LINES + 1])
    context = {
        **frame(notices(Statuses([]))),
        "groups": _by_domain(here(SyncDrift).order_by("domain", "file", "key")[:DRIFTS]),
        "left": find_left(),
        "adoptable": list(find_adoptable(lines)),
        "files": _by_file(lines),
        "is_cut": len(lines) > LINES,
        "why": why,
    }
    return show(request, "sync/host.html", context, status=422 if why else 200)


def _by_file(lines: Iterable[ForeignLine]) -> list[tuple[str, list[ForeignLine]]]:
    return [(file, list(found)) for file, found in groupby(lines, attrgetter("file"))]


def _by_domain(drifts: Iterable[SyncDrift]) -> list[DriftsOfDomain]:
    groups = [(pk, list(found)) for pk, found in groupby(drifts, attrgetter("domain"))]
    domains = Domain.objects.in_bulk([pk for pk, _ in groups if pk])
    return [_group(domains.get(pk or 0), found) for pk, found in groups]


def _group(domain: Domain | None, drifts: Sequence[SyncDrift]) -> DriftsOfDomain:
    offers = find_offers(domain, drifts) if domain else [None for _drift in drifts]
    return DriftsOfDomain(domain, [DriftRow(*pair) for pair in zip(drifts, offers, strict=True)])


def _try(request: PanelRequest, act: Callable[[Actor], object]) -> HttpResponse:
    try:
        act(Actor.of(request))
    except Refused as refusal:
        return _page(request, str(refusal))
    return SeeOther(reverse("sync:host"))


def _decide(request: PanelRequest, actor: Actor, drift: SyncDrift) -> None:
    decide = put_ours_back if request.POST.get("side") == Side.OURS else take_theirs
    decide(actor, drift)


@audience(Audience.OPERATOR)
@require_POST
def decide(request: PanelRequest, pk: int) -> HttpResponse:
    """One drift. If it is another one by now, nothing happens and the page shows that one."""
    drift = here(SyncDrift).filter(pk=pk).first()
    if drift is None:
        return SeeOther(reverse("sync:host"))
    return _try(request, lambda actor: _decide(request, actor, drift))


@audience(Audience.OPERATOR)
@require_POST
def decide_all(request: PanelRequest, name: str) -> HttpResponse:
    """All drifts of a domain that the page showed, or none."""
    domain = find_domain(request, name)
    shown = here(SyncDrift).filter(domain=domain.pk, pk__in=request.POST.getlist("drift"))

    def act(actor: Actor) -> None:
        with transaction.atomic():
            for drift in shown:
                _decide(request, actor, drift)

    return _try(request, act)


@audience(Audience.OPERATOR)
@require_POST
def put_back(request: PanelRequest, pk: int) -> HttpResponse:
    """What was left alone becomes what the panel wants."""
    left = get_object_or_404(DriftDecision, pk=pk, side=Side.THEIRS)
    return _try(request, lambda actor: no_longer_leave(actor, left))


@audience(Audience.OPERATOR)
@require_POST
def adopt(request: PanelRequest) -> HttpResponse:
    """A foreign line becomes a row of the panel's. If it is gone by now, nothing happens."""
    file, text = request.POST.get("file", ""), request.POST.get("line", "")
    line = here(ForeignLine).filter(file=file, line=text)[:1]
    for _, offer in find_adoptable(line):
        return _try(request, offer.act)
    return SeeOther(reverse("sync:host"))
