"""A person: the domains they look after, and what they may do in each."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain
from qmailpanel.people import grants, letters
from qmailpanel.people.forms import GrantForm, RightsForm
from qmailpanel.people.granting import Granting
from qmailpanel.people.invitations import Invited
from qmailpanel.people.pages import people_of
from qmailpanel.web.answers import SeeOther
from qmailpanel.web.attempt import attempt

from .pages import person_page, ticked


@audience(Audience.PERSON)
@require_GET
def person(request: PanelRequest, pk: int) -> HttpResponse:
    """Of whoever is no operator the domains alone that both look after."""
    return person_page(request, _find_person(request, pk))


def _find_person(request: PanelRequest, pk: int) -> User:
    return get_object_or_404(people_of(request.user), pk=pk)


@audience(Audience.PERSON)
@require_POST
def change(request: PanelRequest, pk: int) -> HttpResponse:
    """Other rights in the domains that are ticked, or none any more."""
    found = _find_person(request, pk)
    domains = ticked(request, found)
    if request.POST.get("do") == "revoke":
        return _revoke(request, found, domains)
    form = RightsForm(request.POST, mine=Granting(request.user).everywhere())
    tried = attempt(
        request,
        form,
        lambda actor: grants.change_rights(actor, found, domains, form.chosen),
        said=_("Saved."),
    )
    return _back(request, found) if tried.is_done else person_page(request, found, changing=form)


def _revoke(request: PanelRequest, found: User, domains: list[Domain]) -> HttpResponse:
    """Asks first: nobody can undo it."""
    if domains and "sure" not in request.POST:
        return person_page(request, found, asking=domains)
    tried = attempt(
        request,
        None,
        lambda actor: grants.revoke_rights(actor, found, domains),
        said=_("%(person)s no longer looks after what you ticked.") % {"person": found},
    )
    return _back(request, found) if tried.is_done else person_page(request, found, why=tried.why)


@audience(Audience.PERSON)
@require_POST
def add(request: PanelRequest, pk: int) -> HttpResponse:
    """More domains, at once."""
    found = _find_person(request, pk)
    form = GrantForm(request.POST, user=request.user, mine=Granting(request.user).everywhere())
    domains = attempt(
        request,
        form,
        lambda actor: grants.grant_rights(actor, found, form.cleaned_data["domains"], form.chosen),
    ).result
    if domains is None:
        return person_page(request, found, adding=form)
    is_told = letters.send(Invited(found.email, str(request.user), domains))
    messages.success(
        request,
        _("Saved. A mail says so.") if is_told else _("Saved. The mail that says so was not sent."),
    )
    return _back(request, found)


def _back(request: PanelRequest, found: User) -> SeeOther:
    """To the same part of the list; to all people where nothing of that person is left to see."""
    if not people_of(request.user).filter(pk=found.pk).exists():
        return SeeOther(reverse("people:list") if request.user != found else "/")
    query = {"q": request.POST["q"]} if request.POST.get("q") else {}
    here = reverse("people:person", args=[found.pk])
    return SeeOther(f"{here}?{urlencode(query)}" if query else here)
