"""Who looks after a domain; who runs the host; accepting an invitation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience, reauthenticated
from qmailpanel.accounts.models import User
from qmailpanel.accounts.sessions import sign_in
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right, in_words, preset_of, read_rights, rights_of
from qmailpanel.domains.frame import domain_page, find_domain, notices
from qmailpanel.domains.models import Domain, Grant, Invitation
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.notices import around

from . import grants, invitations, persons
from .forms import AcceptForm, EmailForm, InviteForm, RightsForm
from .models import NameRequest, Outcome

# who looks after a domain


@audience(Audience.PERSON)
@needs(Right.GRANTING, seeing=True)
@never_cache
@require_http_methods(["GET", "POST"])
def of_domain(request: PanelRequest, name: str) -> HttpResponse:
    """The people of a domain, and the form that invites another one."""
    domain = find_domain(request, name)
    form = InviteForm(sent(request), mine=rights_of(request.user, domain))
    if form.is_valid():
        invite = partial(
            invitations.invite,
            Actor.of(request),
            form.cleaned_data["email"],
            domain,
            form.chosen,
        )
        invited = _invite(request, form, invite)
        if invited:
            fresh = InviteForm(mine=rights_of(request.user, domain))
            return _of_domain(request, domain, fresh, invited=invited)
    return _of_domain(request, domain, form)


def _invite(
    request: PanelRequest, form: EmailForm, invite: Callable[[], tuple[Invitation, str]]
) -> dict[str, Any] | None:
    """What the page says of it. Where no mail took it, operators read the link and nobody else:

    whoever has it makes an account under an address that may be somebody else's.
    """
    try:
        invitation, link = invite()
    except Refused as refusal:
        form.refuse(refusal)
        return None
    is_sent = invitations.send(invitation, link)
    shown = link if request.user.is_operator and not is_sent else ""
    return {"email": invitation.email, "is_sent": is_sent, "link": shown}


def _of_domain(
    request: PanelRequest,
    domain: Domain,
    form: RightsForm | None = None,
    *,
    invited: dict[str, Any] | None = None,
    why: str = "",
) -> HttpResponse:
    shown = form or InviteForm(mine=rights_of(request.user, domain))
    found = Grant.objects.for_user(request.user).filter(domain=domain).select_related("user")
    waiting = Invitation.objects.for_user(request.user).filter(domain=domain)
    context = {
        **domain_page(request, domain, "people", Statuses([domain.pk])),
        "grants": [(grant, _words(grant.rights)) for grant in found.order_by("user__email")],
        "invitations": [(one, _words(one.rights)) for one in waiting.order_by("email")],
        "form": shown,
        "invited": invited,
        "why": why,
    }
    status = 422 if why or shown.errors else 200
    return show(request, "people/domain.html", context, status=status)


def _words(values: list[str]) -> str:
    """The preset's name, or what the rights allow."""
    rights = read_rights(values)
    preset = preset_of(rights)
    return str(preset.label) if preset else in_words(rights)


@audience(Audience.PERSON)
@needs(Right.GRANTING)
@require_http_methods(["GET", "POST"])
def grant(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Other rights for somebody."""
    domain, found = _find_grant(request, name, pk)
    mine = rights_of(request.user, domain)
    form = RightsForm(sent(request), mine=mine, rights=read_rights(found.rights))
    if form.is_valid():
        try:
            grants.change_grant(Actor.of(request), found, form.chosen)
            return SeeOther(reverse("people:of_domain", args=[name]))
        except Refused as refusal:
            form.refuse(refusal)
    page = domain_page(request, domain, "people", Statuses([domain.pk]))
    context = {**page, "grant": found, "form": form}
    status = 422 if form.errors else 200
    return show(request, "people/grant.html", context, status=status)


def _find_grant(request: PanelRequest, name: str, pk: int) -> tuple[Domain, Grant]:
    domain = find_domain(request, name)
    mine = Grant.objects.for_user(request.user).select_related("user", "domain")
    return domain, get_object_or_404(mine, domain=domain, pk=pk)


@audience(Audience.PERSON)
@require_POST
def revoke(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """All rights of somebody, or one's own."""
    domain, found = _find_grant(request, name, pk)
    try:
        grants.revoke(Actor.of(request), found)
    except Refused as refusal:
        return _of_domain(request, domain, why=str(refusal))
    is_left = found.user_id == request.user.pk
    return SeeOther("/" if is_left else reverse("people:of_domain", args=[name]))


@audience(Audience.PERSON)
@require_POST
def withdraw(request: PanelRequest, pk: int) -> HttpResponse:
    """An invitation no longer works."""
    mine = Invitation.objects.for_user(request.user).select_related("domain")
    invitation = get_object_or_404(mine, pk=pk)
    try:
        invitations.withdraw(Actor.of(request), invitation)
    except Refused as refusal:
        if invitation.domain is None:
            return _people(request, why=str(refusal))
        return _of_domain(request, invitation.domain, why=str(refusal))
    if invitation.domain is None:
        return SeeOther(reverse("people:list"))
    return SeeOther(reverse("people:of_domain", args=[invitation.domain.name]))


# who has an account


@audience(Audience.OPERATOR)
@require_GET
def people(request: PanelRequest) -> HttpResponse:
    """Everybody with an account."""
    return _people(request)


@audience(Audience.OPERATOR)
@reauthenticated
@never_cache
@require_http_methods(["GET", "POST"])
def invite_operator(request: PanelRequest) -> HttpResponse:
    """Another operator, whom only somebody makes who just showed that it is still they."""
    form, invited = EmailForm(sent(request)), None
    if form.is_valid():
        email = form.cleaned_data["email"]
        invite = partial(invitations.invite_operator, Actor.of(request), email)
        invited = _invite(request, form, invite)
    around_it = {**around(notices(Statuses([]))), **people_frame(request)}
    context = {**around_it, "form": EmailForm() if invited else form, "invited": invited}
    return show(request, "people/invite.html", context, status=422 if form.errors else 200)


def _people(request: PanelRequest, why: str = "") -> HttpResponse:
    everybody = User.objects.for_user(request.user).annotate(domains=Count("grants"))
    waiting = Invitation.objects.for_user(request.user).filter(domain=None)
    context = {
        **around(notices(Statuses([]))),
        **people_frame(request),
        "people": list(everybody.order_by("-is_operator", "email")),
        "invitations": list(waiting.order_by("email")),
        "why": why,
    }
    return show(request, "people/list.html", context, status=422 if why else 200)


def people_frame(request: PanelRequest) -> dict[str, Any]:
    """The context of people/frame.html: how many names wait for the operator."""
    waiting = NameRequest.objects.for_user(request.user).filter(outcome=Outcome.OPEN)
    return {"waiting_count": waiting.count()}


@audience(Audience.OPERATOR)
@require_POST
def switch(request: PanelRequest, pk: int) -> HttpResponse:
    """An account on or off, as the button said."""
    user = get_object_or_404(User.objects.for_user(request.user), pk=pk)
    on = request.POST.get("on") == "1"
    return _try(request, partial(persons.switch_person, Actor.of(request), user, on=on))


@audience(Audience.OPERATOR)
@require_POST
def demote(request: PanelRequest, pk: int) -> HttpResponse:
    """No longer an operator."""
    user = get_object_or_404(User.objects.for_user(request.user), pk=pk)
    return _try(request, partial(persons.demote, Actor.of(request), user))


def _try(request: PanelRequest, act: Callable[[], Any]) -> HttpResponse:
    try:
        act()
    except Refused as refusal:
        return _people(request, why=str(refusal))
    return SeeOther(reverse("people:list"))


# the invited


@audience(Audience.ANYONE)
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """Looking at the link only asks; the button uses it up, so that no mail scanner does."""
    sent_by = request.POST if request.method == "POST" else request.GET
    token = sent_by.get("token", "")
    invitation = invitations.find_invitation(token)
    if invitation is None:
        return render(request, "people/accept.html", {"invitation": None}, status=410)
    invited = invitations.find_invited(invitation)
    context = {"invitation": invitation, "token": token, "words": _words(invitation.rights)}
    if invited:
        return _accept_known(request, context, invited)
    return _accept_new(request, context)


def _accept_known(request: HttpRequest, context: dict[str, Any], invited: User) -> HttpResponse:
    """Who has an account accepts signed in."""
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
    try:
        user = invitations.accept(Actor.of(request), context["token"], password)
    except Refused as refusal:
        return render(request, "people/accept.html", {"why": str(refusal)}, status=422)
    if password:
        sign_in(request, user, "invitation")
    domain = context["invitation"].domain
    return redirect(reverse("domains:detail", args=[domain.name]) if domain else "/")
