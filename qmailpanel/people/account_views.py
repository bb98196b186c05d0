"""Who has an account here, and who of them runs the host."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience, reauthenticated
from qmailpanel.accounts.models import User
from qmailpanel.domains.frame import notices
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.attempt import Attempt, attempt
from qmailpanel.web.notices import around

from . import invitations, persons
from .forms import EmailForm
from .pages import accounts_page, try_invite


@audience(Audience.OPERATOR)
@require_GET
def people(request: PanelRequest) -> HttpResponse:
    """Everybody who has an account."""
    return accounts_page(request)


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
