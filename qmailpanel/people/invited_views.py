"""Accepting an invitation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, audience, reauthenticated
from qmailpanel.accounts.models import User
from qmailpanel.accounts.sessions import sign_in
from qmailpanel.qmail.names import display_of
from qmailpanel.web.attempt import attempt

from . import accepting
from .forms import AcceptForm
from .pages import describe_rights


@audience(Audience.ANYONE)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """Looking at the link only asks; the button uses it up, so that no mail scanner does."""
    sent_by = request.POST if request.method == "POST" else request.GET
    token = sent_by.get("token", "")
    offers = accepting.find_invitations(token)
    if not offers:
        return render(request, "people/accept.html", {"invitation": None}, status=410)
    invited = accepting.find_invited(offers[0])
    context = {
        "invitation": offers[0],
        "domains": [one.domain for one in offers if one.domain],
        "names": [display_of(one.domain.name) for one in offers if one.domain],
        "token": token,
        "words": describe_rights(offers[0].rights),
    }
    if invited:
        return _accept_known(request, context, invited)
    return _accept_new(request, context)


def _accept_known(request: HttpRequest, context: dict[str, Any], invited: User) -> HttpResponse:
    """Whoever has an account signs in to accept."""
    is_here = request.user.is_authenticated and request.user.pk == invited.pk
    if not is_here:
        here = f"{reverse('people:accept')}?token={context['token']}"
        return render(request, "people/accept.html", {**context, "person": invited, "here": here})
    if invited.is_factor_overdue:
        return redirect("accounts:security")
    if request.method != "POST":
        return render(request, "people/accept.html", {**context, "is_here": True})
    if context["invitation"].domain is None:
        return _enter_as_operator(request, context)
    return _enter(request, context, "")


@reauthenticated
def _enter_as_operator(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Whoever finds an open session does not run the host with it."""
    return _enter(request, context, "")


def _accept_new(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    user = User(email=context["invitation"].email)
    form = AcceptForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        return _enter(request, context, form.cleaned_data["password"])
    status = 422 if form.is_bound else 200
    return render(request, "people/accept.html", {**context, "form": form}, status=status)


def _enter(request: HttpRequest, context: dict[str, Any], password: str) -> HttpResponse:
    tried = attempt(
        request, None, lambda actor: accepting.accept(actor, context["token"], password)
    )
    user = tried.result
    if user is None:
        return render(request, "people/accept.html", {"why": tried.why}, status=422)
    domains = context["domains"]
    if password or not domains:
        sign_in(request, user, "invitation")
    is_one = len(domains) == 1
    return redirect(reverse("domains:detail", args=[domains[0].name]) if is_one else "/")
