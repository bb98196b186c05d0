"""The pages of people that several views answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.utils import timezone

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.accounts.models import SECOND_FACTORS, User
from qmailpanel.among import AMONG
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import in_words, preset_of, read_rights, rights_of
from qmailpanel.domains.frame import domain_context, notices
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.fields import PanelForm, errors_of
from qmailpanel.web.lists import Query
from qmailpanel.web.notices import around

from . import letters
from .forms import InviteForm, InviteManyForm, RightsForm
from .granting import Granting
from .invitations import Invited

MOST_LINKS = 100  # on the page


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


def accounts_page(
    request: PanelRequest,
    form: InviteManyForm | None = None,
    *,
    invited: dict[str, Any] | None = None,
    why: str = "",
) -> HttpResponse:
    """The people one may see, operators first, or those in whose address something stands."""
    query, user = Query.of(request), request.user
    order = ("-is_operator", "email") if user.is_operator else ("email",)
    listed = query.context_of(_listed(user, query), order)
    if wants(request, "list"):
        return show(request, "people/list.html#list", listed)
    granting = Granting(user)
    mine = granting.everywhere()
    shown = form or InviteManyForm(user=user, mine=mine)
    context = {
        **around(notices(Statuses([]))),
        **listed,
        "invitations": _waiting(user, granting),
        "most_links": MOST_LINKS,
        "form": shown,
        "may_grant": bool(mine),
        "invited": invited,
        "why": why,
    }
    return show(request, "people/list.html", context, status=422 if why or shown.errors else 200)


def people_of(user: User) -> QuerySet[User]:
    """An operator sees everybody, others see who looks after one of their domains."""
    if user.is_operator:
        return User.objects.all()
    return User.objects.filter(Exists(shared(user, OuterRef("pk"))))


def shared(user: User, person: Any) -> QuerySet[Grant]:
    """The person's grants that one may see."""
    return Grant.objects.for_user(user).filter(user=person).order_by()


def _listed(user: User, query: Query) -> QuerySet[User]:
    """With how many domains each looks after, of those that one may see."""
    everybody = people_of(user)
    found = everybody.filter(email__icontains=query.q) if query.q else everybody
    theirs = shared(user, OuterRef("pk")).values("user").values(n=Count("pk"))
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
    return found.annotate(domains=Coalesce(Subquery(theirs), 0), has_factor=Exists(factors))


def _waiting(user: User, granting: Granting) -> list[dict[str, Any]]:
    """The invitations that one may see: of each link, one of its domains and how many more.

    `is_open`: one may withdraw all of it that one sees.
    """
    mine = Q(**{f"domain__pk{AMONG}": granting.domains})
    links = Invitation.objects.for_user(user).values("email", "digest", "expires")
    found = links.annotate(
        first=Min("pk"),
        name=Min("domain__name"),
        more=Count("domain") - 1,
        mine=Count("domain", filter=mine),
    ).order_by("email", "first")
    now = timezone.now()
    return [
        {
            **one,
            "is_over": one["expires"] <= now,
            "is_open": granting.is_free or one["mine"] > one["more"],
        }
        for one in found[:MOST_LINKS]
    ]


def try_invite(
    request: PanelRequest, form: PanelForm, invite: Callable[[Actor], Invited]
) -> dict[str, Any] | None:
    """What the page says of the invitation. Where no mail took it, operators alone read the link:

    whoever has it makes an account under an address that may be somebody else's.
    """
    invited = attempt(request, form, invite).result
    if invited is None:
        return None
    is_sent = letters.send(invited)
    shown = invited.link if request.user.is_operator and not is_sent else ""
    is_known = not invited.link
    return {"email": invited.email, "is_sent": is_sent, "is_known": is_known, "link": shown}
