"""Names that somebody asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.core import ratelimit
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.frame import find_domain, notices
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import Actor
from qmailpanel.qmail.names import display_of
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.attempt import attempt
from qmailpanel.web.lists import Query
from qmailpanel.web.notices import around

from . import requests
from .forms import AskForm, DeclineForm
from .models import NameRequest, Outcome
from .proof import record_name, record_text


@audience(Audience.PERSON)
@require_http_methods(["GET", "POST"])
def ask(request: PanelRequest) -> HttpResponse:
    """One's own requests, or for an operator all of them; and the form that asks for a domain."""
    return _ask(request, AskForm(sent(request)))


@audience(Audience.PERSON)
@needs(Right.NAMES)
@require_POST
def ask_name(request: PanelRequest, name: str) -> HttpResponse:
    """An alias domain of a domain."""
    return _ask(request, AskForm(request.POST), find_domain(request, name))


def _ask(request: PanelRequest, form: AskForm, domain: Domain | None = None) -> HttpResponse:
    tried = attempt(
        request,
        form,
        lambda actor: requests.request_name(actor, form.cleaned_data["name"], domain),
    )
    if not tried.is_done:
        return _page(request, form=form, domain=domain)
    return SeeOther(reverse("people:requests"))


def _page(
    request: PanelRequest,
    *,
    form: AskForm | None = None,
    why: str = "",
    domain: Domain | None = None,
) -> HttpResponse:
    shown = form or AskForm()
    mine = NameRequest.objects.for_user(request.user).select_related("domain", "person")
    if request.user.is_operator:
        mine = mine.filter(outcome=Outcome.OPEN)
    listed = Query.of(request).context_of(mine, ("-asked", "-id"))
    context = {
        **around(notices(Statuses([]))),
        **listed,
        "requests": [_row(one) for one in listed["page"].rows],
        "form": shown,
        "decline_form": DeclineForm(),
        "domain": domain,
        "why": why,
    }
    status = 422 if why or shown.errors else 200
    return show(request, "people/requests.html", context, status=status)


def _row(asked: NameRequest) -> dict[str, Any]:
    return {
        "asked": asked,
        "display": display_of(asked.name),
        "is_open": asked.outcome == Outcome.OPEN,
        "record": record_name(asked.name),
        "text": record_text(asked.token),
    }


@audience(Audience.PERSON)
@require_POST
def prove(request: PanelRequest, pk: int) -> HttpResponse:
    """Look into DNS now, a few times a minute."""
    if not ratelimit.consume(request, action="prove"):
        return _page(request, why=_("You asked often. Go on in a minute."))
    return _act(request, pk, requests.prove_request)


@audience(Audience.PERSON)
@require_POST
def withdraw(request: PanelRequest, pk: int) -> HttpResponse:
    return _act(request, pk, requests.withdraw_request)


@audience(Audience.OPERATOR)
@require_POST
def accept(request: PanelRequest, pk: int) -> HttpResponse:
    return _act(request, pk, requests.accept_request)


@audience(Audience.OPERATOR)
@require_POST
def decline(request: PanelRequest, pk: int) -> HttpResponse:
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return _page(request, why=" ".join(map(str, form.errors["why"])))
    why = form.cleaned_data["why"]
    return _act(request, pk, lambda actor, asked: requests.decline_request(actor, asked, why))


def _act(
    request: PanelRequest, pk: int, service: Callable[[Actor, NameRequest], object]
) -> HttpResponse:
    asked = get_object_or_404(NameRequest.objects.for_user(request.user), pk=pk)
    tried = attempt(request, None, lambda actor: service(actor, asked))
    return SeeOther(reverse("people:requests")) if tried.is_done else _page(request, why=tried.why)
