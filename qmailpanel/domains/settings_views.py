"""The settings of a domain: description, unknown recipients, its further names, on and off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.reports.node import answers_mail, knows_recipients
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.badges import Badge
from qmailpanel.web.fields import PanelForm

from . import services
from .access.limits import TITLES, change_limits, room_of, storage_of
from .access.needs import needs
from .access.rights import Right
from .departed.services import has_responder
from .forms import (
    AddAliasDomainForm,
    LimitsForm,
    OwnersForm,
    RenameDomainForm,
    ResponderForm,
    SettingsForm,
)
from .frame import display, domain_page, find_domain, name_badge
from .fullness import fullness_of
from .models import Claim, Domain, Kind, Unknown
from .names import services as alias_domains
from .renaming import rename_domain
from .routes.picture import path_of_unknown


@dataclass(frozen=True, slots=True)
class NameRow:
    """An alias domain as the settings page shows it."""

    pk: int
    display: str
    alabel: str
    badge: Badge
    removed: bool


def settings_page(
    request: PanelRequest, domain: Domain, *, why: str = "", **forms: PanelForm
) -> HttpResponse:
    """The page, with a form that was not good or a reason why not."""
    statuses = Statuses([domain.pk])
    context = {
        **domain_page(request, domain, "settings", statuses),
        "form": SettingsForm.of(domain),
        "name_form": AddAliasDomainForm(),
        "rename": RenameDomainForm(),
        "limits_form": LimitsForm.of(domain),
        "owners_form": OwnersForm.of(domain),
        "responder_form": ResponderForm.of(domain),
        "has_responder": has_responder(domain),
        "answers": answers_mail(),
        "rooms": [(TITLES[kind], room_of(domain, kind)) for kind in Kind],
        "storage": storage_of(domain),
        "fullness": fullness_of(domain),
        "names": [_name_row(statuses, one) for one in domain.names.aliases().order_by("name")],
        "hops": path_of_unknown(domain),
        "may_refuse": knows_recipients() or domain.unknown == Unknown.REFUSE,
        "why": why,
        **forms,
    }
    is_wrong = bool(why) or any(form.errors for form in forms.values())
    return show(request, "domains/settings.html", context, status=422 if is_wrong else 200)


def _name_row(statuses: Statuses, name: Claim) -> NameRow:
    shown, badge = display(name), name_badge(statuses, name)
    return NameRow(name.pk, shown, name.name if shown != name.name else "", badge, name.removed)


def _here(name: str) -> str:
    return reverse("domains:settings", args=[name])


def try_service(form: PanelForm, service: Callable[[], Any]) -> bool:
    """Do it, or show at the form why not."""
    try:
        service()
    except Refused as refusal:
        form.refuse(refusal)
    return not form.errors


@audience(Audience.PERSON)
@needs(Right.UNKNOWN, seeing=True)
@require_http_methods(["GET", "POST"])
def settings(request: PanelRequest, name: str) -> HttpResponse:
    domain = find_domain(request, name)
    form = SettingsForm.of(domain, sent(request))
    if form.is_valid() and try_service(form, partial(_change, request, domain, form)):
        return SeeOther(request.path)
    return settings_page(request, domain, form=form)


def _change(request: PanelRequest, domain: Domain, form: SettingsForm) -> None:
    services.change_domain(
        Actor.of(request),
        domain,
        description=form.cleaned_data["description"],
        unknown=Unknown(form.cleaned_data["unknown"]),
        unknown_text=form.cleaned_data.get("unknown_text", ""),
        unknown_target=form.unknown_target,
    )


@audience(Audience.OPERATOR)
@require_POST
def switch(request: PanelRequest, name: str) -> HttpResponse:
    """On or off, as the button said."""
    domain = find_domain(request, name)
    services.switch_domain(Actor.of(request), domain, on=request.POST.get("on") == "1")
    return SeeOther(_here(name))


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def rename(request: PanelRequest, name: str) -> HttpResponse:
    """Another name for the domain; its pages have another address then."""
    domain = find_domain(request, name)
    form = RenameDomainForm(sent(request))
    if form.is_valid():
        change = partial(rename_domain, Actor.of(request), domain, **form.cleaned_data)
        if try_service(form, change):
            return SeeOther(_here(domain.name))
    return settings_page(request, domain, rename=form)


@audience(Audience.OPERATOR)
@require_POST
def limits(request: PanelRequest, name: str) -> HttpResponse:
    """How much there may be in the domain."""
    domain = find_domain(request, name)
    form = LimitsForm.of(domain, request.POST)
    if form.is_valid():
        change = partial(change_limits, Actor.of(request), domain, **form.cleaned_data)
        if try_service(form, change):
            return SeeOther(f"{_here(name)}#limits")
    return settings_page(request, domain, limits_form=form)


@audience(Audience.OPERATOR)
@require_POST
def owners(request: PanelRequest, name: str) -> HttpResponse:
    """What the owners of its mailboxes find on their pages."""
    domain = find_domain(request, name)
    form = OwnersForm.of(domain, request.POST)
    if form.is_valid():
        change = partial(
            services.change_withheld, Actor.of(request), domain, withheld=form.withheld
        )
        if try_service(form, change):
            return SeeOther(f"{_here(name)}#owners")
    return settings_page(request, domain, owners_form=form)


@audience(Audience.OPERATOR)
@require_POST
def switch_subdomains(request: PanelRequest, name: str) -> HttpResponse:
    """Mail to all names below the domain's, or not, as the button said."""
    domain = find_domain(request, name)
    on = request.POST.get("on") == "1"
    try:
        services.change_domain(Actor.of(request), domain, subdomains=on)
    except Refused as refusal:
        return settings_page(request, domain, why=str(refusal))
    return SeeOther(f"{_here(name)}#names")


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def add_name(request: PanelRequest, name: str) -> HttpResponse:
    domain = find_domain(request, name)
    form = AddAliasDomainForm(sent(request))
    if form.is_valid():
        alias = form.cleaned_data["name"]
        add = partial(alias_domains.add_alias_domain, Actor.of(request), domain, alias)
        if try_service(form, add):
            return SeeOther(f"{_here(name)}#names")
    return settings_page(request, domain, name_form=form)


@audience(Audience.PERSON)
@needs(Right.NAMES)
@require_POST
def remove_name(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    return _change_name(request, name, pk, alias_domains.remove_alias_domain)


@audience(Audience.PERSON)
@needs(Right.NAMES)
@require_POST
def restore_name(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    return _change_name(request, name, pk, alias_domains.restore_alias_domain)


def _change_name(
    request: PanelRequest, name: str, pk: int, service: Callable[[Actor, Claim], Claim]
) -> HttpResponse:
    domain = find_domain(request, name)
    mine = Claim.objects.for_user(request.user).aliases()
    alias = get_object_or_404(mine, domain=domain, pk=pk)
    try:
        service(Actor.of(request), alias)
    except Refused as refusal:
        return settings_page(request, domain, why=str(refusal))
    return SeeOther(f"{_here(name)}#names")
