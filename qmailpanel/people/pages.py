"""The pages of people that several views answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.accounts.models import User
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import in_words, preset_of, read_rights, rights_of
from qmailpanel.domains.frame import domain_context, notices
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.fields import errors_of
from qmailpanel.web.lists import Query
from qmailpanel.web.notices import around

from . import invitations
from .forms import EmailForm, InviteForm, RightsForm


def domain_people_page(
    request: PanelRequest,
    domain: Domain,
    form: RightsForm | None = None,
    *,
    invited: dict[str, Any] | None = None,
    why: str = "",
) -> HttpResponse:
    shown = form or InviteForm(mine=rights_of(request.user, domain))
    grants = Grant.objects.for_user(request.user).filter(domain=domain).select_related("user")
    waiting = Invitation.objects.for_user(request.user).filter(domain=domain)
    if domain.removed:
        why = why or errors_of([shown])
    context = {
        **domain_context(request, domain, "people", Statuses([domain.pk])),
        "grants": [(one, describe_rights(one.rights)) for one in grants.order_by("user__email")],
        "invitations": [(one, describe_rights(one.rights)) for one in waiting.order_by("email")],
        "form": shown,
        "invited": invited,
        "why": why,
    }
    status = 422 if why or shown.errors else 200
    return show(request, "people/domain.html", context, status=status)


def describe_rights(values: list[str]) -> str:
    """The preset's name, or what the rights allow."""
    rights = read_rights(values)
    preset = preset_of(rights)
    return str(preset.label) if preset else in_words(rights)


def accounts_page(request: PanelRequest, why: str = "") -> HttpResponse:
    """Everybody, operators first, or those in whose address something stands."""
    query = Query.of(request)
    listed = query.context_of(_people(request.user, query), ("-is_operator", "email"))
    if wants(request, "list"):
        return show(request, "people/list.html#list", listed)
    waiting = Invitation.objects.for_user(request.user).filter(domain=None)
    context = {
        **around(notices(Statuses([]))),
        **listed,
        "invitations": list(waiting.order_by("email")),
        "why": why,
    }
    return show(request, "people/list.html", context, status=422 if why else 200)


def _people(user: User, query: Query) -> QuerySet[User]:
    """With how many domains each looks after."""
    theirs = Grant.objects.filter(user=OuterRef("pk")).order_by().values("user")
    everybody = User.objects.for_user(user)
    found = everybody.filter(email__icontains=query.q) if query.q else everybody
    return found.annotate(domains=Coalesce(Subquery(theirs.values(n=Count("pk"))), 0))


def try_invite(
    request: PanelRequest, form: EmailForm, invite: Callable[[Actor], tuple[Invitation, str]]
) -> dict[str, Any] | None:
    """What the page says of the invitation. Where no mail took it, operators alone read the link:

    whoever has it makes an account under an address that may be somebody else's.
    """
    pair = attempt(request, form, invite).result
    if pair is None:
        return None
    invitation, link = pair
    is_sent = invitations.send(invitation, link)
    shown = link if request.user.is_operator and not is_sent else ""
    return {"email": invitation.email, "is_sent": is_sent, "link": shown}
