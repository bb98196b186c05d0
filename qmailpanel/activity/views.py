"""What happened, newest first: on the whole host, or in one domain; as a page, or as a file."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import domain_context, find_domain, notices
from qmailpanel.domains.models import Domain
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show, wants
from qmailpanel.web.notices import around

from .export import export
from .forms import FilterForm
from .services import Filter, find_changes, is_shown, list_entries
from .turns import take_turn

PART = "components/entries.html"


@audience(Audience.SIGNED_IN)
@require_GET
def list_activity(request: PanelRequest) -> HttpResponse:
    _refuse_withheld(request)
    return _page(request, _form(request))


@audience(Audience.PERSON)
@require_GET
def list_of_domain(request: PanelRequest, name: str) -> HttpResponse:
    domain = find_domain(request, name)
    return _page(request, _form(request, domain), domain)


@audience(Audience.SIGNED_IN)
@require_GET
def export_activity(request: PanelRequest) -> HttpResponseBase:
    _refuse_withheld(request)
    return _file(request, _form(request))


@audience(Audience.PERSON)
@require_GET
def export_of_domain(request: PanelRequest, name: str) -> HttpResponseBase:
    domain = find_domain(request, name)
    return _file(request, _form(request, domain), domain)


def _refuse_withheld(request: PanelRequest) -> None:
    """For an owner from whom the operator keeps it, the page does not exist."""
    if request.user.is_owner and not is_shown(request.user):
        raise Http404


def _form(request: PanelRequest, domain: Domain | None = None) -> FilterForm:
    return FilterForm(request.GET, of_domain=domain is not None)


def _page(request: PanelRequest, form: FilterForm, domain: Domain | None = None) -> HttpResponse:
    status = 200 if form.is_valid() else 422
    context = _list_context(request, form, domain)
    if wants(request, "activity"):
        return show(request, PART, context, status=status)
    if domain is None:
        context |= around(notices(Statuses([])))
        return show(request, "activity/list.html", context, status=status)
    context |= domain_context(request, domain, "activity", Statuses([domain.pk]))
    return show(request, "activity/domain.html", context, status=status)


def _list_context(request: PanelRequest, form: FilterForm, domain: Domain | None) -> dict[str, Any]:
    """The form, and the entries it finds unless it has errors."""
    here = reverse("activity:domain", args=[domain.name]) if domain else reverse("activity:list")
    context = {"form": form, "here": here, "query": "", "page": None}
    if not form.is_valid():
        return context
    cursors = {name: request.GET.get(name, "") for name in ("after", "before")}
    wanted = Filter(**form.cleaned_data)
    context["page"] = list_entries(request.user, wanted, domain=domain, **cursors)
    context["query"] = f"{form.query}&" if form.query else ""
    return context


def _file(
    request: PanelRequest, form: FilterForm, domain: Domain | None = None
) -> HttpResponseBase:
    if not form.is_valid():
        return _page(request, form, domain)
    changes = find_changes(request.user, Filter(**form.cleaned_data), domain)
    name = f"activity-{domain.name}.csv" if domain else "activity.csv"
    turn = take_turn(request.user.pk, export(request.user, changes))
    if turn is None:
        form.add_error(None, _("Such a file is being read already. Try again in a minute."))
        return _page(request, form, domain)
    return StreamingHttpResponse(
        turn,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
