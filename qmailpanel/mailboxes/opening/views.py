"""What opens somebody else's mailbox: switches, app passwords, a link for its owner."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import address_page, find_address
from qmailpanel.domains.models import Address, Kind
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.mailboxes.fullness.services import app_rows
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.mailboxes.views import show_detail
from qmailpanel.web.answers import SeeOther, sent, show

from . import app_passwords, links
from .forms import AppPasswordForm, SwitchesForm
from .switches import change_switches


@audience(Audience.PERSON)
@needs(Right.SWITCHING)
@require_POST
def switches(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """IMAP, POP3, sending, the panel: each on or off."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    form = SwitchesForm(request.POST)
    if form.is_valid():
        try:
            change_switches(Actor.of(request), address, **form.cleaned_data)
            return SeeOther(reverse("mailboxes:detail", args=[name, pk]))
        except Refused as refusal:
            form.refuse(refusal)
    return show_detail(request, address, switches_form=form)


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@never_cache
@require_POST
def link(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """With which the owner chooses a password; shown this once."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    try:
        made = links.offer_link(Actor.of(request), address)
    except Refused as refusal:
        return show_detail(request, address, why=str(refusal))
    return show_detail(request, address, link=made)


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def list_app_passwords(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """All of them, and one more, shown this once."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    return _app_passwords(request, address, **try_app_password(request, address))


def try_app_password(request: PanelRequest, address: Address) -> dict[str, Any]:
    """The form, with what was not good; or empty again, and the new one with its text."""
    form = AppPasswordForm(sent(request))
    if form.is_valid():
        try:
            made, text = app_passwords.add_app_password(
                Actor.of(request), address, **form.cleaned_data
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return {"form": AppPasswordForm(), "made": made, "text": text}
    return {"form": form}


def _app_passwords(request: PanelRequest, address: Address, **extra: Any) -> HttpResponse:
    context = {
        **address_page(request, address),
        "form": AppPasswordForm(),
        "rows": app_rows(mailbox_of(address)),
        "action": reverse("mailboxes:app_passwords", args=[address.domain.name, address.pk]),
        **extra,
    }
    is_wrong = bool(extra.get("why")) or bool(context["form"].errors)
    template = "mailboxes/app_passwords.html"
    return show(request, template, context, status=422 if is_wrong else 200)


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@require_POST
def remove_app_password(request: PanelRequest, name: str, pk: int, row: int) -> HttpResponse:
    """The program that has it is out."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    found = get_object_or_404(mailbox_of(address).app_passwords, pk=row)
    try:
        app_passwords.remove_app_password(Actor.of(request), address, found)
    except Refused as refusal:
        return _app_passwords(request, address, why=str(refusal))
    return SeeOther(reverse("mailboxes:app_passwords", args=[name, pk]))
