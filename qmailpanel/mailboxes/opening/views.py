"""What opens somebody else's mailbox: switches, app passwords, a link for its owner."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import find_address
from qmailpanel.domains.models import Kind
from qmailpanel.mailboxes.pages import ACCESS, show_access, to_tab
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.web.attempt import attempt

from . import app_passwords, links, second_factor
from .forms import SwitchesForm
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
        to_tab(address, ACCESS)
        if tried.is_done
        else show_access(request, address, switches_form=form)
    )


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@require_POST
def link(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """A link with which the owner chooses a password; it is shown this once."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    tried = attempt(request, None, lambda actor: links.offer_link(actor, address))
    return show_access(request, address, more={"link": tried.result}, why=tried.why)


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@require_POST
def remove_second_factor(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The owner, who lost it, signs in with the password alone."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    tried = attempt(
        request,
        None,
        lambda actor: second_factor.remove_second_factor(actor, address),
        said=_("The second factor is removed."),
    )
    return (
        to_tab(address, ACCESS) if tried.is_done else show_access(request, address, why=tried.why)
    )


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@require_http_methods(["GET", "POST"])
def list_app_passwords(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The app passwords, and a new one, whose text is shown this once."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    made = app_password_context(request, address)
    return show_access(request, address, app_form=made.pop("form"), more=made)


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
        said=_("The app password is removed."),
    )
    if not tried.is_done:
        return show_access(request, address, why=tried.why)
    return to_tab(address, ACCESS)
