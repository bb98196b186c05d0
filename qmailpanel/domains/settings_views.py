"""The settings of a domain: a page for each part of them, and what changes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.ledger.actors import Actor
from qmailpanel.web.answers import SeeOther, sent
from qmailpanel.web.attempt import attempt

from . import services
from .access.forms import LimitsForm
from .access.limits import change_limits as set_limits
from .access.needs import needs
from .access.rights import Right
from .forms import DescriptionForm, OwnersForm, RenameDomainForm, UnknownForm
from .frame import find_domain
from .models import Claim, Domain, Unknown
from .names import services as alias_domains
from .names.forms import AddAliasDomainForm
from .names.leaving import serve_elsewhere
from .pages import (
    GENERAL,
    LIMITS,
    NAMES,
    OWNERS,
    UNKNOWN,
    Part,
    show_general,
    show_limits,
    show_names,
    show_owners,
    show_unknown,
)
from .renaming import rename_domain
from .routes.pointers import StillPointedTo


def _to(name: str, part: Part) -> SeeOther:
    """Look at that part after a good POST."""
    return SeeOther(reverse(part.route, args=[name]))


@audience(Audience.PERSON)
@needs(Right.UNKNOWN, seeing=True)
@require_http_methods(["GET", "POST"])
def settings(request: PanelRequest, name: str) -> HttpResponse:
    """The description, and whether the domain takes mail."""
    domain = find_domain(request, name)
    form = DescriptionForm.of(domain, sent(request))
    tried = attempt(
        request,
        form,
        lambda actor: services.change_domain(actor, domain, **form.cleaned_data),
        said=_("Saved."),
    )
    return _to(name, GENERAL) if tried.is_done else show_general(request, domain, form=form)


@audience(Audience.PERSON)
@needs(Right.UNKNOWN, seeing=True)
@require_http_methods(["GET", "POST"])
def unknown(request: PanelRequest, name: str) -> HttpResponse:
    """What happens to mail for unknown recipients."""
    domain = find_domain(request, name)
    form = UnknownForm.of(domain, sent(request))
    tried = attempt(request, form, lambda actor: _change(actor, domain, form), said=_("Saved."))
    return _to(name, UNKNOWN) if tried.is_done else show_unknown(request, domain, form=form)


def _change(actor: Actor, domain: Domain, form: UnknownForm) -> None:
    services.change_domain(
        actor,
        domain,
        unknown=Unknown(form.cleaned_data["unknown"]),
        unknown_text=form.cleaned_data.get("unknown_text", ""),
        unknown_target=form.unknown_target,
    )


@audience(Audience.PERSON)
@require_GET
def names(request: PanelRequest, name: str) -> HttpResponse:
    """All names of the domain."""
    return show_names(request, find_domain(request, name))


@audience(Audience.PERSON)
@require_GET
def limits(request: PanelRequest, name: str) -> HttpResponse:
    """How much there may be in the domain, and is."""
    return show_limits(request, find_domain(request, name))


@audience(Audience.OPERATOR)
@require_POST
def switch(request: PanelRequest, name: str) -> HttpResponse:
    """On or off, as the button said."""
    domain, on = find_domain(request, name), request.POST.get("on") == "1"
    tried = attempt(
        request,
        None,
        lambda actor: services.switch_domain(actor, domain, on=on),
        said=_("Switched on.") if on else _("Switched off."),
    )
    return _to(name, GENERAL) if tried.is_done else show_general(request, domain, why=tried.why)


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
        return _to(domain.name, NAMES)
    return show_names(request, domain, rename=form)


@audience(Audience.OPERATOR)
@require_POST
def change_limits(request: PanelRequest, name: str) -> HttpResponse:
    """Other limits, or none."""
    domain = find_domain(request, name)
    form = LimitsForm.of(domain, request.POST)
    tried = attempt(
        request,
        form,
        lambda actor: set_limits(actor, domain, **form.cleaned_data),
        said=_("The limits are saved."),
    )
    return _to(name, LIMITS) if tried.is_done else show_limits(request, domain, form)


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def owners(request: PanelRequest, name: str) -> HttpResponse:
    """What the owners of its mailboxes find on their pages."""
    domain = find_domain(request, name)
    form = OwnersForm.of(domain, sent(request))
    tried = attempt(
        request,
        form,
        lambda actor: services.change_withheld(actor, domain, withheld=form.withheld),
        said=_("Saved."),
    )
    return _to(name, OWNERS) if tried.is_done else show_owners(request, domain, form)


@audience(Audience.OPERATOR)
@require_POST
def switch_subdomains(request: PanelRequest, name: str) -> HttpResponse:
    """Mail to all names below the domain's, or not, as the button said."""
    domain, on = find_domain(request, name), request.POST.get("on") == "1"
    tried = attempt(
        request,
        None,
        lambda actor: services.change_domain(actor, domain, subdomains=on),
        said=_("Sub-domains are on.") if on else _("Sub-domains are off."),
    )
    return _to(name, NAMES) if tried.is_done else show_names(request, domain, why=tried.why)


@audience(Audience.OPERATOR)
@require_http_methods(["GET", "POST"])
def add_name(request: PanelRequest, name: str) -> HttpResponse:
    domain, form = find_domain(request, name), AddAliasDomainForm(sent(request))
    tried = attempt(
        request,
        form,
        lambda actor: alias_domains.add_alias_domain(actor, domain, form.cleaned_data["name"]),
        said=_("The alias domain is added."),
    )
    return _to(name, NAMES) if tried.is_done else show_names(request, domain, name_form=form)


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
    return _to(name, GENERAL) if tried.is_done else show_general(request, domain, why=tried.why)


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
        return _to(name, NAMES)
    in_question = alias.pk if isinstance(tried.refusal, StillPointedTo) else None
    return show_names(request, domain, why=tried.why, in_question=in_question)
