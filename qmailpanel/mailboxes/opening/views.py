"""What opens somebody else's mailbox: switches, app passwords, a link for its owner."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import address_context, find_address
from qmailpanel.domains.models import Address, Kind
from qmailpanel.mailboxes.fullness.services import app_rows
from qmailpanel.mailboxes.pages import show_detail, to_detail
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.attempt import attempt

from . import app_passwords, links
from .forms import AppPasswordForm, SwitchesForm
from .pages import app_password_context
from .switches import change_switches


@audience(Audience.PERSON)
@needs(Right.SWITCHING)
@require_POST
def switches(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """IMAP, POP3, sending, the panel: each on or off."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    form = SwitchesForm.of(address, request.POST)
    tried = attempt(
        request,
        form,
        lambda actor: change_switches(actor, address, **form.cleaned_data),
        said=_("Saved."),
    )
    return (
        to_detail(address) if tried.is_done else show_detail(request, address, switches_form=form)
    )


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@require_POST
def link(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """A link with which the owner chooses a password; it is shown this once."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    tried = attempt(request, None, lambda actor: links.offer_link(actor, address))
    return show_detail(request, address, link=tried.result, why=tried.why)


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@require_http_methods(["GET", "POST"])
def list_app_passwords(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The app passwords, and a new one, whose text is shown this once."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    return _app_passwords(request, address, **app_password_context(request, address))


def _app_passwords(request: PanelRequest, address: Address, **extra: Any) -> HttpResponse:
    context = {
        **address_context(request, address),
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
    """The program that uses it can no longer open the mailbox."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    app_password = get_object_or_404(mailbox_of(address).app_passwords, pk=row)
    tried = attempt(
        request,
        None,
        lambda actor: app_passwords.remove_app_password(actor, address, app_password),
    )
    if not tried.is_done:
        return _app_passwords(request, address, why=tried.why)
    return SeeOther(reverse("mailboxes:app_passwords", args=[name, pk]))
