"""The domain list, what is done to a whole domain, and the pulse."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.web.answers import SeeOther, see_other, sent, show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.badges import domain_key
from qmailpanel.web.lists import Query
from qmailpanel.web.notices import FIRST_WAIT, around

from . import services
from .forms import AddDomainForm, RemoveDomainForm
from .frame import find_domain, notices
from .lists import DomainRows
from .models import Domain, Kind
from .pages import REMOVE, part_context, show_general
from .pulse import show_pulse
from .routes.pointers import name_pointers, references_into


@audience(Audience.SIGNED_IN)
@require_GET
def pulse(request: PanelRequest) -> HttpResponse:
    """What became of the rows that were pending when the page last looked."""
    return show_pulse(request)


def _domains(request: PanelRequest) -> Any:
    return Domain.objects.for_user(request.user).claiming()


@audience(Audience.PERSON)
@require_GET
def list_domains(request: PanelRequest) -> HttpResponse:
    template = "domains/list.html#list" if wants(request, "list") else "domains/list.html"
    context = _list_context(request, _add_form(request))
    form, rows = context["form"], context["rows"]
    form.fields["name"].widget.attrs["autofocus"] = bool(rows) and rows[0].new
    return show(request, template, context)


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def add(request: PanelRequest) -> HttpResponse:
    if request.method == "GET":
        return redirect("domains:list")
    form = _add_form(request, request.POST)
    domain = attempt(
        request, form, lambda actor: services.add_domain(actor, **form.cleaned_data)
    ).result
    if domain is None:
        return _add_again(request, form)
    if not request.htmx:
        return SeeOther(f"{reverse('domains:list')}?top={domain.pk}")
    return _added(request, domain)


def _add_form(request: PanelRequest, data: Any = None) -> AddDomainForm:
    return AddDomainForm(data, initial={"contact": request.user.email})


def _add_again(request: PanelRequest, form: AddDomainForm) -> HttpResponse:
    if wants(request, "add"):
        return show(request, "domains/list.html#add", {"form": form}, status=422)
    return show(request, "domains/list.html", _list_context(request, form), status=422)


def _added(request: PanelRequest, domain: Domain) -> HttpResponse:
    """The form, empty again; the row on top of the table; the pulse, awake."""
    rows, form = DomainRows([domain]), _add_form(request)
    form.fields["name"].widget.attrs["autofocus"] = True
    context = {
        **around(notices(rows.statuses), wait=FIRST_WAIT),
        "form": form,
        "row": rows.row(domain, new=True),
        "sentence": _("%(name)s added.") % {"name": domain.name},
        "oob": True,
    }
    return show(request, "domains/list.html#added", context)


def _list_context(request: PanelRequest, form: AddDomainForm) -> dict[str, Any]:
    query, mine = Query.of(request), _domains(request).select_related("limits")
    page, top = query.page_of(mine.starting(query.host), ("name",)), query.top_of(mine)
    some = DomainRows([*top, *page.rows])
    rows = [
        *(some.row(domain, new=not domain.removed, focus=domain.removed) for domain in top),
        *(some.row(domain) for domain in page.rows),
    ]
    is_unsettled = any(row.badge.is_unsettled for row in rows)
    return {
        **query.context(page),
        **around(notices(some.statuses), wait=FIRST_WAIT if is_unsettled else 0),
        "form": form,
        "rows": rows,
    }


@audience(Audience.PERSON)
@require_GET
def detail(request: PanelRequest, name: str) -> HttpResponse:
    """A domain is looked at for its mailboxes."""
    return redirect("mailboxes:list", find_domain(request, name).name)


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def remove(request: PanelRequest, name: str) -> HttpResponse:
    """Ask, for its name too where it holds mail; then remove the domain."""
    domain = find_domain(request, name)
    mailboxes = domain.addresses.filter(kind=Kind.MAILBOX, removed=False)
    form = RemoveDomainForm(sent(request), domain=domain, holds_mail=mailboxes.exists())
    despite = request.POST.get("despite") == "1"
    if attempt(
        request,
        form,
        lambda actor: services.remove_domain(actor, domain, despite_pointers=despite),
    ).is_done:
        return see_other(request, f"{reverse('domains:list')}?top={domain.pk}")
    references = references_into(domain)
    pointers = attempt(request, None, lambda actor: name_pointers(references, actor)).result
    context = part_context(request, domain, REMOVE) | {"form": form, "pointers": pointers}
    return show(request, "domains/remove.html", context, status=422 if form.is_bound else 200)


@audience(Audience.OPERATOR)
@require_POST
def restore(request: PanelRequest, name: str) -> HttpResponse:
    """Undo a removal."""
    domain = find_domain(request, name)
    why = attempt(request, None, lambda actor: services.restore_domain(actor, domain)).why
    if wants(request, f"row-{domain_key(domain)}"):
        return _restored(request, domain, why)
    if not why:
        return SeeOther(f"{reverse('domains:list')}?top={domain.pk}")
    return show_general(request, domain, why=why)


def _restored(request: PanelRequest, domain: Domain, why: str) -> HttpResponse:
    rows = DomainRows([domain])
    row = rows.row(domain, focus=True, why=why)
    context = {**around(notices(rows.statuses), wait=FIRST_WAIT), "row": row, "oob": True}
    return show(request, "domains/list.html#restored", context, status=422 if why else 200)
