"""The mailboxes of a domain, and one of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.limits import storage_of
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import (
    address_page,
    find_address,
    find_list,
    form_context,
    list_context,
    refusal_of,
    row_context,
    settle,
    try_rename,
)
from qmailpanel.domains.forms import RenameAddressForm
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.routes.picture import path_of
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.reports.node import holds_quotas
from qmailpanel.web.answers import SeeOther, sent, show, wants

from . import services
from .delivery.views import ends_of
from .forms import AddMailboxForm, GuardedForm, MailboxForm, PasswordForm, QuotaForm, words_of
from .fullness.services import last_uses, used_of
from .models import Mailbox
from .opening.forms import SwitchesForm
from .removal import services as removal
from .removal.forms import RestoreForm

MAILBOX = Kind.MAILBOX
FORMS = ("form", "password_form", "quota_form", "switches_form", "rename", "restore_form")
LIST, DETAIL = "mailboxes/list.html", "mailboxes/detail.html"


def list_href(name: str) -> str:
    return reverse("mailboxes:list", args=[name])


def shown_place(address: Address) -> str:
    return f"{address.local}/Maildir/"


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
    context = {**list_context(request, domain, MAILBOX, top, shown_place), "form": form}
    return show(request, f"{LIST}{part}", context, status=status)


def _answer(request: PanelRequest, domain: Domain) -> HttpResponse:
    """To the form: a suggestion, the form again, or the new row."""
    if "suggest" in request.POST:
        typed = {"local": request.POST.get("local", "")}
        return _form_again(request, domain, AddMailboxForm.suggesting(typed), 200)
    words = words_of(domain, request.POST.get("local", ""))
    form = AddMailboxForm(request.POST, words=words)
    address = _add(request, domain, form)
    if address is None:
        return _form_again(request, domain, form, 422)
    if not wants(request, "add"):
        return SeeOther(f"{request.path}?top={address.pk}")
    context = row_context(request, address, request.path, shown_place(address), new=True)
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


def _add(request: PanelRequest, domain: Domain, form: AddMailboxForm) -> Address | None:
    if not form.is_valid():
        return None
    local, password = form.cleaned_data["local"], form.cleaned_data["password"]
    try:
        return services.add_mailbox(Actor.of(request), domain, local, password=password)
    except Refused as refusal:
        form.refuse(refusal)
        return None


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@require_http_methods(["GET", "POST"])
def detail(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    address = find_address(request, name, MAILBOX, pk)
    initial = {"comment": address.comment, "refusal": address.refusal}
    form = MailboxForm(sent(request), initial=initial)
    if form.is_valid():
        try:
            services.change_mailbox(Actor.of(request), address, **form.cleaned_data)
            return SeeOther(request.path)
        except Refused as refusal:
            form.refuse(refusal)
    return show_detail(request, address, form=form)


def show_detail(request: PanelRequest, address: Address, **extra: Any) -> HttpResponse:
    """The page of a mailbox, with a form that was not good or a reason why not."""
    mailbox = services.mailbox_of(address)
    context = {
        **address_page(request, address),
        "form": MailboxForm(initial={"comment": address.comment, "refusal": address.refusal}),
        "password_form": PasswordForm(),
        "quota_form": QuotaForm(
            initial={"quota": mailbox.quota, "messages": mailbox.messages or None}
        ),
        "storage": storage_of(address.domain),
        "is_held": holds_quotas() if mailbox.is_limited else True,
        "switches_form": SwitchesForm.of(mailbox),
        "rename": RenameAddressForm(),
        "used": used_of(mailbox, address),
        "uses": last_uses(address),
        "has_password": bool(mailbox.password),
        "on_hold": mailbox.on_hold,
        "hops": path_of(address, ends_of(address, mailbox)),
        **_removal(address, mailbox),
        **extra,
    }
    forms = [context[form] for form in FORMS]
    is_wrong = bool(extra.get("why")) or any(form.errors for form in forms)
    return show(request, DETAIL, context, status=422 if is_wrong else 200)


def _removal(address: Address, mailbox: Mailbox) -> dict[str, Any]:
    """What the page says of a removal, or of aliases that did not come back."""
    return {
        "mailbox": mailbox,
        "restore_form": RestoreForm(),
        "kept_until": removal.kept_until(mailbox),
        "is_taken": address.removed and removal.has_other_owner(address),
        "left": [] if address.removed else removal.find_left(address),
    }


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@sensitive_post_parameters("password")
@require_POST
def password(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Set it, or only suggest one."""
    address = find_address(request, name, MAILBOX, pk)
    if "suggest" in request.POST:
        return show_detail(request, address, password_form=PasswordForm.suggesting({}))
    form = PasswordForm(request.POST, words=words_of(address.domain, address.local))
    if form.is_valid():
        try:
            services.set_password(Actor.of(request), address, **form.cleaned_data)
            return SeeOther(reverse("mailboxes:detail", args=[name, pk]))
        except Refused as refusal:
            form.refuse(refusal)
    return show_detail(request, address, password_form=form)


@audience(Audience.PERSON)
@needs(Right.QUOTAS)
@require_POST
def quota(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """How much the mailbox may hold."""
    address = find_address(request, name, MAILBOX, pk)
    form = QuotaForm(request.POST)
    if form.is_valid():
        try:
            services.change_quota(Actor.of(request), address, **form.cleaned_data)
            return SeeOther(reverse("mailboxes:detail", args=[name, pk]))
        except Refused as refusal:
            form.refuse(refusal)
    return show_detail(request, address, quota_form=form)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_POST
def rename(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Another local part; the mail moves with it."""
    address = find_address(request, name, MAILBOX, pk)
    form = try_rename(request, address)
    if form.errors:
        return show_detail(request, address, rename=form)
    return SeeOther(reverse("mailboxes:detail", args=[name, pk]))


@audience(Audience.PERSON)
@needs(Right.SWITCHING)
@require_POST
def switch(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """On, off, on hold or no longer, as the button said."""
    address = find_address(request, name, MAILBOX, pk)
    actor, said = Actor.of(request), request.POST
    change = partial(services.switch_mailbox, actor, address, on=said.get("on") == "1")
    if "hold" in said:
        change = partial(services.hold_mailbox, actor, address, on_hold=said["hold"] == "1")
    why = refusal_of(change)
    if why:
        return show_detail(request, address, why=why)
    return SeeOther(reverse("mailboxes:detail", args=[name, pk]))


@audience(Audience.PERSON)
@require_GET
def row(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The row again, when somebody decided to keep the mailbox."""
    address = find_address(request, name, MAILBOX, pk)
    return settle(request, address, list_href(name), shown_place(address))
