"""A mailbox: its tabs, and what is changed in them."""

from __future__ import annotations

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.forms import RenameAddressForm
from qmailpanel.domains.addresses.pages import find_address
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.renaming import rename_address
from qmailpanel.ledger.actors import Actor
from qmailpanel.web.answers import sent
from qmailpanel.web.attempt import attempt

from . import services
from .forms import CommentForm, PasswordForm, QuotaForm, RefusalForm
from .handover import hand_over
from .opening.suggest import known_words
from .pages import (
    ACCESS,
    MORE,
    QUOTA,
    show_access,
    show_more,
    show_overview,
    show_quota,
    to_tab,
)

MAILBOX = Kind.MAILBOX


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@require_http_methods(["GET", "POST"])
def detail(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The overview, with the comment."""
    address = find_address(request, name, MAILBOX, pk)
    form = CommentForm.of(address, sent(request))
    if _change(request, address, form):
        return to_tab(address)
    return show_overview(request, address, form=form)


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@require_http_methods(["GET", "POST"])
def more(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Off, on hold, renamed, removed; and the answer meanwhile, which is saved here."""
    address = find_address(request, name, MAILBOX, pk)
    form = RefusalForm.of(address, sent(request))
    if _change(request, address, form):
        return to_tab(address, MORE)
    return show_more(request, address, form=form)


def _change(request: PanelRequest, address: Address, form: CommentForm | RefusalForm) -> bool:
    return attempt(
        request,
        form,
        lambda actor: services.change_mailbox(actor, address, **form.cleaned_data),
        said=_("Saved."),
    ).is_done


@audience(Audience.PERSON)
@require_GET
def access(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """What opens the mailbox."""
    return show_access(request, find_address(request, name, MAILBOX, pk))


@audience(Audience.PERSON)
@needs(Right.PASSWORDS)
@sensitive_post_parameters("password")
@require_POST
def password(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Set it, or only suggest one."""
    address = find_address(request, name, MAILBOX, pk)
    if "suggest" in request.POST:
        return show_access(request, address, password_form=PasswordForm.suggesting({}))
    form = PasswordForm(request.POST, words=known_words(address.domain, address.local))
    tried = attempt(
        request,
        form,
        lambda actor: services.set_password(actor, address, **form.cleaned_data),
        said=_("The password is set. Mail programs take it as soon as the page says Live."),
    )
    if not tried.is_done:
        return show_access(request, address, password_form=form)
    if "suggested" not in request.POST:
        return to_tab(address, ACCESS)
    hand = hand_over(address, request.POST)
    done = reverse(ACCESS, args=[name, pk])
    return show_access(request, address, more={"hand": hand, "done": done})


@audience(Audience.PERSON)
@needs(Right.QUOTAS)
@require_http_methods(["GET", "POST"])
def quota(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """How much the mailbox may hold."""
    address = find_address(request, name, MAILBOX, pk)
    form = QuotaForm.of(address, sent(request))
    tried = attempt(
        request,
        form,
        lambda actor: services.change_quota(actor, address, **form.cleaned_data),
        said=_("The quota is saved."),
    )
    return to_tab(address, QUOTA) if tried.is_done else show_quota(request, address, form)


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
    return to_tab(address) if tried.is_done else show_more(request, address, rename=form)


@audience(Audience.PERSON)
@needs(Right.SWITCHING)
@require_POST
def switch(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """On, off, on hold or no longer, as the button said."""
    address = find_address(request, name, MAILBOX, pk)
    tried = attempt(
        request,
        None,
        lambda actor: _switch(actor, address, request.POST),
        said=_said_of(request.POST),
    )
    return to_tab(address, MORE) if tried.is_done else show_more(request, address, why=tried.why)


def _said_of(button: QueryDict) -> str:
    if "hold" in button:
        return _("On hold.") if button["hold"] == "1" else _("Mail is delivered again.")
    return _("Switched on.") if button.get("on") == "1" else _("Switched off.")


def _switch(actor: Actor, address: Address, button: QueryDict) -> None:
    if "hold" in button:
        services.hold_mailbox(actor, address, on_hold=button["hold"] == "1")
    else:
        services.switch_mailbox(actor, address, on=button.get("on") == "1")
