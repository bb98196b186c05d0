"""The settings of a domain: description, unknown recipients, its further names, on and off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.ledger.actors import Actor
from qmailpanel.web.answers import SeeOther, sent
from qmailpanel.web.attempt import attempt

from . import services
from .access.forms import LimitsForm
from .access.limits import change_limits
from .access.needs import needs
from .access.rights import Right
from .forms import OwnersForm, RenameDomainForm, SettingsForm
from .frame import find_domain
from .models import Claim, Domain, Unknown
from .names import services as alias_domains
from .names.forms import AddAliasDomainForm
from .names.leaving import serve_elsewhere
from .pages import settings_page
from .renaming import rename_domain
from .routes.pointers import StillPointedTo


def _here(name: str, part: str = "") -> SeeOther:
    """Back to the settings, or to a part of them."""
    return SeeOther(reverse("domains:settings", args=[name]) + part)


@audience(Audience.PERSON)
@needs(Right.UNKNOWN, seeing=True)
@require_http_methods(["GET", "POST"])
def settings(request: PanelRequest, name: str) -> HttpResponse:
    domain = find_domain(request, name)
    form = SettingsForm.of(domain, sent(request))
    if attempt(request, form, lambda actor: _change(actor, domain, form), said=_("Saved.")).is_done:
        return _here(name)
    return settings_page(request, domain, form=form)


def _change(actor: Actor, domain: Domain, form: SettingsForm) -> None:
    services.change_domain(
        actor,
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
    domain, on = find_domain(request, name), request.POST.get("on") == "1"
    tried = attempt(request, None, lambda actor: services.switch_domain(actor, domain, on=on))
    return _here(name) if tried.is_done else settings_page(request, domain, why=tried.why)


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def rename(request: PanelRequest, name: str) -> HttpResponse:
    """Another name for the domain; its pages have another address then."""
    domain, form = find_domain(request, name), RenameDomainForm(sent(request))
    if attempt(
        request,
        form,
        lambda actor: rename_domain(actor, domain, **form.cleaned_data),
        said=_("Renamed."),
    ).is_done:
        return _here(domain.name)
    return settings_page(request, domain, rename=form)


@audience(Audience.OPERATOR)
@require_POST
def limits(request: PanelRequest, name: str) -> HttpResponse:
    """How much there may be in the domain."""
    domain = find_domain(request, name)
    form = LimitsForm.of(domain, request.POST)
    if attempt(
        request,
        form,
        lambda actor: change_limits(actor, domain, **form.cleaned_data),
        said=_("The limits are saved."),
    ).is_done:
        return _here(name, "#limits")
    return settings_page(request, domain, limits_form=form)


@audience(Audience.OPERATOR)
@require_POST
def owners(request: PanelRequest, name: str) -> HttpResponse:
    """What the owners of its mailboxes find on their pages."""
    domain = find_domain(request, name)
    form = OwnersForm.of(domain, request.POST)
    tried = attempt(
        request,
        form,
        lambda actor: services.change_withheld(actor, domain, withheld=form.withheld),
        said=_("Saved."),
    )
    return (
        _here(name, "#owners")
        if tried.is_done
        else settings_page(request, domain, owners_form=form)
    )


@audience(Audience.OPERATOR)
@require_POST
def switch_subdomains(request: PanelRequest, name: str) -> HttpResponse:
    """Mail to all names below the domain's, or not, as the button said."""
    domain, on = find_domain(request, name), request.POST.get("on") == "1"
    tried = attempt(
        request, None, lambda actor: services.change_domain(actor, domain, subdomains=on)
    )
    return _here(name, "#names") if tried.is_done else settings_page(request, domain, why=tried.why)


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def add_name(request: PanelRequest, name: str) -> HttpResponse:
    domain, form = find_domain(request, name), AddAliasDomainForm(sent(request))
    tried = attempt(
        request,
        form,
        lambda actor: alias_domains.add_alias_domain(actor, domain, form.cleaned_data["name"]),
    )
    return (
        _here(name, "#names") if tried.is_done else settings_page(request, domain, name_form=form)
    )


@audience(Audience.PERSON)
@needs(Right.NAMES)
@require_POST
def remove_name(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Ask where anybody delivers to it; else, or when that was answered, remove the name."""
    despite = request.POST.get("despite") == "1"
    remove = partial(alias_domains.remove_alias_domain, despite_pointers=despite)
    return _change_name(request, name, pk, remove)


@audience(Audience.PERSON)
@needs(Right.NAMES)
@require_POST
def restore_name(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    return _change_name(request, name, pk, alias_domains.restore_alias_domain)


@audience(Audience.OPERATOR)
@require_POST
def elsewhere(request: PanelRequest, name: str) -> HttpResponse:
    """Refuse no longer what still comes for a removed domain."""
    domain = find_domain(request, name)
    tried = attempt(request, None, lambda actor: serve_elsewhere(actor, domain))
    return _here(name) if tried.is_done else settings_page(request, domain, why=tried.why)


@audience(Audience.OPERATOR)
@require_POST
def name_elsewhere(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The same for a removed alias domain."""
    return _change_name(request, name, pk, serve_elsewhere)


def _change_name(
    request: PanelRequest, name: str, pk: int, service: Callable[[Actor, Claim], object]
) -> HttpResponse:
    domain = find_domain(request, name)
    mine = Claim.objects.for_user(request.user).aliases()
    alias = get_object_or_404(mine, domain=domain, pk=pk)
    tried = attempt(request, None, lambda actor: service(actor, alias))
    if tried.is_done:
        return _here(name, "#names")
    asked = alias.pk if isinstance(tried.refusal, StillPointedTo) else None
    return settings_page(request, domain, why=tried.why, asked=asked)
