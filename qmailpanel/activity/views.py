"""What happened, newest first: on the whole host, or in one domain."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import around, domain_page, find_domain, notices, show
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.services import Statuses

from .services import list_entries


@audience(Audience.SIGNED_IN)
@require_GET
def list_activity(request: PanelRequest) -> HttpResponse:
    context = {**around(notices(Statuses([]))), **_entries(request)}
    return show(request, "activity/list.html", context)


@audience(Audience.PERSON)
@require_GET
def list_of_domain(request: PanelRequest, name: str) -> HttpResponse:
    domain = find_domain(request, name)
    page = domain_page(request, domain, "activity", Statuses([domain.pk]))
    return show(request, "activity/domain.html", {**page, **_entries(request, domain)})


def _entries(request: PanelRequest, domain: Domain | None = None) -> dict[str, Any]:
    get = request.GET.get
    found = list_entries(
        request.user, domain=domain, after=get("after", ""), before=get("before", "")
    )
    return {"page": found, "query": ""}
