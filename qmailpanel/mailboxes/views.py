"""The mailboxes of a domain, and one of them."""

from __future__ import annotations

from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.forms import RenameAddressForm
from qmailpanel.domains.addresses.pages import (
    find_address,
    find_list,
    form_context,
    list_context,
    row_context,
    show_row,
)
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.renaming import rename_address
from qmailpanel.ledger.actors import Actor
from qmailpanel.web.answers import SeeOther, sent, show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.fields import errors_of

from . import services
from .forms import AddMailboxForm, GuardedForm, MailboxForm, PasswordForm, QuotaForm
from .opening.suggest import known_words
from .pages import list_href, show_detail, to_detail

MAILBOX = Kind.MAILBOX
LIST = "mailboxes/list.html"


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def list_mailboxes(request: PanelRequest, name: str) -> HttpResponse:
    domain, top = find_list(request, name, MAILBOX)
    if request.method == "POST":
        return _answer(request, domain)
    form = AddMailboxForm()
    form.fields["local"].widget.attrs["autofocus"] = top is not None and not top.removed
    part = "#list" if wants(request, "list") else ""
    return _list(request, domain, form, part=part, top=top)


def _list(
    request: PanelRequest,
    domain: Domain,
    form: GuardedForm,
    *,
    part: str = "",
    top: Address | None = None,
    status: int = 200,
) -> HttpResponse:
    why = errors_of([form]) if domain.removed else ""
    context = {**list_context(request, domain, MAILBOX, top), "form": form, "why": why}
    return show(request, f"{LIST}{part}", context, status=status)


def _answer(request: PanelRequest, domain: Domain) -> HttpResponse:
    """To the form: a suggestion, the form again, or the new row."""
    if "suggest" in request.POST:
        typed = {"local": request.POST.get("local", "")}
        return _form_again(request, domain, AddMailboxForm.suggesting(typed), 200)
    words = known_words(domain, request.POST.get("local", ""))
    form = AddMailboxForm(request.POST, words=words).within(domain.name)
    address = attempt(
        request, form, lambda actor: services.add_mailbox(actor, domain, **form.cleaned_data)
    ).result
    if address is None:
        return _form_again(request, domain, form, 422)
    if not wants(request, "add"):
        return SeeOther(f"{request.path}?top={address.pk}")
    context = row_context(request, address, request.path, new=True)
    context |= {**form_context(domain, MAILBOX, request.path), "form": _empty_form()}
    return show(request, f"{LIST}#added", context)


def _empty_form() -> AddMailboxForm:
    form = AddMailboxForm()
    form.fields["local"].widget.attrs["autofocus"] = True
    return form


def _form_again(
    request: PanelRequest, domain: Domain, form: GuardedForm, status: int
) -> HttpResponse:
    if not wants(request, "add"):
        return _list(request, domain, form, status=status)
    context = {**form_context(domain, MAILBOX, request.path), "form": form}
    return show(request, f"{LIST}#add", context, status=status)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@require_http_methods(["GET", "POST"])
def detail(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    address = find_address(request, name, MAILBOX, pk)
    form = MailboxForm.of(address, sent(request))
    tried = attempt(
        request,
        form,
        lambda actor: services.change_mailbox(actor, address, **form.cleaned_data),
        said=_("Saved."),
    )
    if tried.is_done:
        return SeeOther(request.path)
    return show_detail(request, address, form=form)


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@sensitive_post_parameters("password")
@require_POST
def password(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Set it, or only suggest one."""
    address = find_address(request, name, MAILBOX, pk)
    if "suggest" in request.POST:
        return show_detail(request, address, password_form=PasswordForm.suggesting({}))
    form = PasswordForm(request.POST, words=known_words(address.domain, address.local))
    tried = attempt(
        request,
        form,
        lambda actor: services.set_password(actor, address, **form.cleaned_data),
        said=_("The password is set. Mail programs take it as soon as the page says Live."),
    )
    return (
        to_detail(address) if tried.is_done else show_detail(request, address, password_form=form)
    )


@audience(Audience.PERSON)
@needs(Right.QUOTAS)
@require_POST
def quota(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """How much the mailbox may hold."""
    address = find_address(request, name, MAILBOX, pk)
    form = QuotaForm.of(address, request.POST)
    tried = attempt(
        request,
        form,
        lambda actor: services.change_quota(actor, address, **form.cleaned_data),
        said=_("The quota is saved."),
    )
    return to_detail(address) if tried.is_done else show_detail(request, address, quota_form=form)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_POST
def rename(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Another local part; the mail moves with it."""
    address = find_address(request, name, MAILBOX, pk)
    form = RenameAddressForm(request.POST).within(name)
    tried = attempt(
        request,
        form,
        lambda actor: rename_address(actor, address, **form.cleaned_data),
        said=_("Renamed."),
    )
    return to_detail(address) if tried.is_done else show_detail(request, address, rename=form)


@audience(Audience.PERSON)
@needs(Right.SWITCHING)
@require_POST
def switch(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """On, off, on hold or no longer, as the button said."""
    address = find_address(request, name, MAILBOX, pk)
    tried = attempt(request, None, lambda actor: _switch(actor, address, request.POST))
    return to_detail(address) if tried.is_done else show_detail(request, address, why=tried.why)


def _switch(actor: Actor, address: Address, button: QueryDict) -> None:
    if "hold" in button:
        services.hold_mailbox(actor, address, on_hold=button["hold"] == "1")
    else:
        services.switch_mailbox(actor, address, on=button.get("on") == "1")


@audience(Audience.PERSON)
@require_GET
def row(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The row again, when somebody decided to keep the mailbox."""
    address = find_address(request, name, MAILBOX, pk)
    return show_row(request, address, list_href(name))
