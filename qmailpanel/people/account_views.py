"""The people one may see, and who of them runs the host."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience, reauthenticated
from qmailpanel.accounts.models import User
from qmailpanel.domains.frame import notices
from qmailpanel.ledger.actors import Actor
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.attempt import Attempt, attempt
from qmailpanel.web.notices import around

from . import invitations, persons
from .forms import EmailForm, InviteManyForm
from .granting import Granting
from .invitations import Invited
from .pages import accounts_page, try_invite


@audience(Audience.PERSON)
@require_http_methods(["GET", "POST"])
def people(request: PanelRequest) -> HttpResponse:
    """The people one may see, and the form that invites somebody to many domains."""
    mine = Granting(request.user).everywhere()
    form = InviteManyForm(sent(request), user=request.user, mine=mine)
    invited = try_invite(request, form, lambda actor: _invite(actor, form))
    return accounts_page(request, None if invited else form, invited=invited)


def _invite(actor: Actor, form: InviteManyForm) -> Invited:
    asked = form.cleaned_data
    return invitations.invite(actor, asked["email"], asked["domains"], form.chosen)


@audience(Audience.OPERATOR)
@reauthenticated
@require_http_methods(["GET", "POST"])
def invite_operator(request: PanelRequest) -> HttpResponse:
    """Invite another operator, after asking again who it is that invites."""
    form = EmailForm(sent(request))
    invited = try_invite(
        request, form, lambda actor: invitations.invite_operator(actor, **form.cleaned_data)
    )
    around_it = around(notices(Statuses([])))
    context = {**around_it, "form": EmailForm() if invited else form, "invited": invited}
    return show(request, "people/invite.html", context, status=422 if form.errors else 200)


@audience(Audience.OPERATOR)
@require_POST
def switch(request: PanelRequest, pk: int) -> HttpResponse:
    """An account on or off, as the button said."""
    user = get_object_or_404(User.objects.for_user(request.user), pk=pk)
    on = request.POST.get("on") == "1"
    tried = attempt(request, None, lambda actor: persons.switch_person(actor, user, on=on))
    return _accounts(request, tried)


@audience(Audience.OPERATOR)
@require_POST
def demote(request: PanelRequest, pk: int) -> HttpResponse:
    """No longer an operator."""
    user = get_object_or_404(User.objects.for_user(request.user), pk=pk)
    return _accounts(request, attempt(request, None, lambda actor: persons.demote(actor, user)))


def _accounts(request: PanelRequest, tried: Attempt[User]) -> HttpResponse:
    if not tried.is_done:
        return accounts_page(request, why=tried.why)
    return SeeOther(reverse("people:list"))
