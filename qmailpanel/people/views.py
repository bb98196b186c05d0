"""Who looks after a domain."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right, rights_of
from qmailpanel.domains.frame import domain_context, find_domain
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.attempt import attempt

from . import grants, invitations
from .forms import InviteForm, RightsForm
from .invitations import Invited
from .pages import accounts_page, domain_people_page, try_invite


@audience(Audience.PERSON)
@needs(Right.GRANTING, seeing=True)
@require_http_methods(["GET", "POST"])
def of_domain(request: PanelRequest, name: str) -> HttpResponse:
    """The people of a domain, and the form that invites another one."""
    domain = find_domain(request, name)
    form = InviteForm(sent(request), mine=rights_of(request.user, domain))
    invited = try_invite(request, form, lambda actor: _invite(actor, domain, form))
    return domain_people_page(request, domain, None if invited else form, invited=invited)


def _invite(actor: Actor, domain: Domain, form: InviteForm) -> Invited:
    return invitations.invite(actor, form.cleaned_data["email"], [domain], form.chosen)


@audience(Audience.PERSON)
@needs(Right.GRANTING)
@require_http_methods(["GET", "POST"])
def grant(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Other rights for somebody."""
    domain, row = _find_grant(request, name, pk)
    mine = rights_of(request.user, domain)
    form = RightsForm.of(row, sent(request), mine=mine)
    if attempt(request, form, lambda actor: _change(actor, row, form), said=_("Saved.")).is_done:
        return SeeOther(reverse("people:of_domain", args=[name]))
    page = domain_context(request, domain, "people", Statuses([domain.pk]))
    context = {**page, "grant": row, "form": form}
    status = 422 if form.errors else 200
    return show(request, "people/grant.html", context, status=status)


def _change(actor: Actor, row: Grant, form: RightsForm) -> None:
    grants.change_rights(actor, row.user, [row.domain], form.chosen)


def _find_grant(request: PanelRequest, name: str, pk: int) -> tuple[Domain, Grant]:
    domain = find_domain(request, name)
    mine = Grant.objects.for_user(request.user).select_related("user", "domain")
    return domain, get_object_or_404(mine, domain=domain, pk=pk)


@audience(Audience.PERSON)
@require_POST
def revoke(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """All rights of somebody, or one's own."""
    domain, row = _find_grant(request, name, pk)
    tried = attempt(request, None, lambda actor: grants.revoke_rights(actor, row.user, [domain]))
    if not tried.is_done:
        return domain_people_page(request, domain, why=tried.why)
    is_oneself = row.user_id == request.user.pk
    return SeeOther("/" if is_oneself else reverse("people:of_domain", args=[name]))


@audience(Audience.PERSON)
@require_POST
def withdraw(request: PanelRequest, pk: int) -> HttpResponse:
    """An invitation no longer works: for one domain, or for all that its link offers."""
    mine = Invitation.objects.for_user(request.user).select_related("domain")
    invitation = get_object_or_404(mine, pk=pk)
    domain = None if request.POST.get("whole") == "1" else invitation.domain
    those = [invitation] if domain else list(mine.filter(digest=invitation.digest))
    why = attempt(request, None, lambda actor: invitations.withdraw(actor, those)).why
    if why and domain:
        return domain_people_page(request, domain, why=why)
    if why:
        return accounts_page(request, why=why)
    there = reverse("people:of_domain", args=[domain.name]) if domain else reverse("people:list")
    return SeeOther(there)
