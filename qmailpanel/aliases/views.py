"""The aliases of a domain, and one of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.limits import EXPECTED
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.forms import RenameAddressForm
from qmailpanel.domains.addresses.pages import (
    address_context,
    find_address,
    find_list,
    form_context,
    is_in_row,
    list_context,
    row_context,
    show_row,
)
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import route_of
from qmailpanel.domains.routes.pointers import StillPointedTo, pointers_to
from qmailpanel.domains.routes.remarks import remarks_on
from qmailpanel.domains.routes.sentences import say_route
from qmailpanel.domains.targets import targets_of
from qmailpanel.web.answers import SeeOther, sent, show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.fields import errors_of

from . import services
from .forms import AddAliasForm, AliasForm

ALIAS = Kind.ALIAS
LIST, DETAIL = "aliases/list.html", "aliases/detail.html"


def _href(name: str) -> str:
    return reverse("aliases:list", args=[name])


def _here(address: Address) -> SeeOther:
    return SeeOther(reverse("aliases:detail", args=[address.domain.name, address.pk]))


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@require_http_methods(["GET", "POST"])
def list_aliases(request: PanelRequest, name: str) -> HttpResponse:
    domain, top = find_list(request, name, ALIAS)
    if request.method == "POST":
        return _answer(request, domain)
    focus, local = top is not None and not top.removed, request.GET.get("local", "")
    form = _empty_form(domain, focus=focus, local=local)
    part = "#list" if wants(request, "list") else ""
    return _list(request, domain, form, part=part, top=top)


def _list(
    request: PanelRequest,
    domain: Domain,
    form: AddAliasForm,
    *,
    part: str = "",
    top: Address | None = None,
    status: int = 200,
) -> HttpResponse:
    why = errors_of([form]) if domain.removed else ""
    context = {**list_context(request, domain, ALIAS, top), "form": form, "why": why}
    return show(request, f"{LIST}{part}", context, status=status)


def _empty_form(domain: Domain, *, focus: bool, local: str = "") -> AddAliasForm:
    form = AddAliasForm(domain=domain)
    form.fields["local"].initial = local
    form.fields["local"].widget.attrs["autofocus"] = focus or bool(local)
    return form


def _answer(request: PanelRequest, domain: Domain) -> HttpResponse:
    """To the form: itself again, or the new row."""
    form = AddAliasForm(request.POST, domain=domain)
    address = attempt(
        request, form, lambda actor: services.add_alias(actor, domain, **form.cleaned_data)
    ).result
    if address is None:
        return _form_again(request, domain, form)
    if not wants(request, "add"):
        return SeeOther(f"{request.path}?top={address.pk}")
    context = row_context(request, address, request.path, new=True)
    context |= {
        **form_context(domain, ALIAS, request.path),
        "form": _empty_form(domain, focus=True),
    }
    return show(request, f"{LIST}#added", context)


def _form_again(request: PanelRequest, domain: Domain, form: AddAliasForm) -> HttpResponse:
    if not wants(request, "add"):
        return _list(request, domain, form, status=422)
    context = {**form_context(domain, ALIAS, request.path), "form": form}
    return show(request, f"{LIST}#add", context, status=422)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@require_http_methods(["GET", "POST"])
def detail(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    address = find_address(request, name, ALIAS, pk)
    form = _form(request, address)
    tried = attempt(
        request,
        form,
        lambda actor: services.change_alias(actor, address, **form.cleaned_data),
        said=_("Saved."),
    )
    if tried.is_done:
        return SeeOther(request.path)
    return _detail(request, address, form)


def _form(request: PanelRequest, address: Address, *, blank: bool = False) -> AliasForm:
    """The form as the alias is now, or with what was typed."""
    return AliasForm.of(address, None if blank else sent(request), domain=address.domain)


def _detail(
    request: PanelRequest,
    address: Address,
    form: AliasForm | None = None,
    why: str = "",
    rename: RenameAddressForm | None = None,
) -> HttpResponse:
    shown, renaming = form or _form(request, address, blank=True), rename or RenameAddressForm()
    if address.removed:
        why = why or errors_of([shown, renaming])
    fates = Fates(request.user)
    context = {
        **address_context(request, address),
        "form": shown,
        "rename": renaming,
        "hops": route_of(address, fates),
        "goes": say_route(str(address), fates),
        "remarks": remarks_on(targets_of(address), fates, request.user),
        "is_expected": address.local in EXPECTED,
        "why": why,
    }
    status = 422 if why or shown.errors or renaming.errors else 200
    return show(request, DETAIL, context, status=status)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_POST
def rename(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Another local part."""
    address = find_address(request, name, ALIAS, pk)
    form = RenameAddressForm(request.POST).within(name)
    tried = attempt(
        request,
        form,
        lambda actor: rename_address(actor, address, **form.cleaned_data),
        said=_("Renamed."),
    )
    return _here(address) if tried.is_done else _detail(request, address, rename=form)


@audience(Audience.PERSON)
@needs(Right.SWITCHING)
@require_POST
def switch(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """On or off, as the button said."""
    address = find_address(request, name, ALIAS, pk)
    on = request.POST.get("on") == "1"
    tried = attempt(request, None, lambda actor: services.switch_alias(actor, address, on=on))
    return _here(address) if tried.is_done else _detail(request, address, why=tried.why)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def remove(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Ask, naming what delivers to it; then remove the alias."""
    address = find_address(request, name, ALIAS, pk)
    if request.method == "GET":
        return _ask(request, address)
    despite = request.POST.get("despite") == "1"
    tried = attempt(
        request,
        None,
        lambda actor: services.remove_alias(actor, address, despite_pointers=despite),
    )
    if tried.is_done:
        return show_row(request, address, _href(name))
    is_asked = isinstance(tried.refusal, StillPointedTo)
    return _ask(request, address, "" if is_asked else tried.why)


def _ask(request: PanelRequest, address: Address, why: str = "") -> HttpResponse:
    in_row = is_in_row(request, address)
    pointers = attempt(request, None, lambda actor: pointers_to(address, actor)).result
    context: dict[str, Any] = {**address_context(request, address), "in_row": in_row, "why": why}
    context |= {"pointers": pointers, "href": _href(address.domain.name)}
    template = "aliases/remove.html#row" if in_row else "aliases/remove.html"
    return show(request, template, context, status=200 if request.method == "GET" else 422)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_POST
def restore(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Undo a removal."""
    address = find_address(request, name, ALIAS, pk)
    why = attempt(request, None, lambda actor: services.restore_alias(actor, address)).why
    if why and not is_in_row(request, address):
        return _detail(request, address, why=why)
    return show_row(request, address, _href(name), why)


@audience(Audience.PERSON)
@require_GET
def row(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The row again, when somebody decided to keep the alias."""
    address = find_address(request, name, ALIAS, pk)
    return show_row(request, address, _href(name))
