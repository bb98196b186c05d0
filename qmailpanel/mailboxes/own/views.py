"""The pages of the owner of a mailbox."""

from __future__ import annotations

from typing import Any

from allauth.core import ratelimit
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.accounts.sessions import keep_session
from qmailpanel.domains.models import OwnItem
from qmailpanel.domains.pulse import show_pulse
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import route_of
from qmailpanel.domains.routes.sentences import say_route
from qmailpanel.mailboxes.fullness.services import app_rows, last_uses, used_of
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.opening import app_passwords
from qmailpanel.mailboxes.opening.forms import AppPasswordForm
from qmailpanel.mailboxes.opening.pages import app_password_context
from qmailpanel.mailboxes.opening.suggest import known_words
from qmailpanel.mailboxes.owners import set_own_password
from qmailpanel.web.answers import SeeOther
from qmailpanel.web.attempt import attempt

from .forms import OwnPasswordForm
from .frame import PULSE, owned, show_own
from .mail_programs import servers_of
from .queries import find_further, find_sign_ins


@owned()
@require_GET
def own(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """The overview of the mailbox."""
    address = mailbox.address
    fates = Fates(request.user, own=address.pk)
    return show_own(
        request,
        mailbox,
        "mailboxes/own.html",
        hops=route_of(address, fates),
        goes=say_route(str(address), fates),
        further=find_further(address),
        used=used_of(mailbox, address),
    )


@owned()
@require_GET
def own_pulse(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """What became of the mailbox, if it was pending when the page last looked."""
    return show_pulse(request, own=mailbox.address, pulse_route=PULSE)


@owned(OwnItem.PASSWORD)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """The owner's next password."""
    if request.method == "POST" and "suggest" in request.POST:
        typed = {"present": request.POST.get("present", "")}
        return _password(request, mailbox, OwnPasswordForm.suggesting(typed))
    if request.method == "GET":
        return _password(request, mailbox, OwnPasswordForm())
    if not ratelimit.consume(request, action="reauthenticate", user=request.user):
        return render(request, "429.html", status=429)
    address = mailbox.address
    form = OwnPasswordForm(request.POST, words=known_words(address.domain, address.local))
    owner = attempt(
        request, form, lambda actor: set_own_password(actor, mailbox, **form.cleaned_data)
    ).result
    if owner is None:
        return _password(request, mailbox, form, status=422)
    keep_session(request, owner)
    return SeeOther(f"{request.path}?set=1")


def _password(
    request: PanelRequest, mailbox: Mailbox, form: object, *, status: int = 200
) -> HttpResponse:
    is_set = "set" in request.GET
    template = "mailboxes/own_password.html"
    return show_own(request, mailbox, template, status=status, form=form, is_set=is_set)


@owned(OwnItem.APP_PASSWORDS)
@require_http_methods(["GET", "POST"])
def own_app_passwords(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """The app passwords, and a new one, whose text is shown this once."""
    return _app_passwords(request, mailbox, **app_password_context(request, mailbox.address))


def _app_passwords(request: PanelRequest, mailbox: Mailbox, **extra: Any) -> HttpResponse:
    context = {
        "form": AppPasswordForm(),
        "rows": app_rows(mailbox),
        "action": reverse("mailboxes:own_app_passwords"),
        **extra,
    }
    is_wrong = bool(extra.get("why")) or bool(context["form"].errors)
    template = "mailboxes/own_app_passwords.html"
    return show_own(request, mailbox, template, status=422 if is_wrong else 200, **context)


@owned(OwnItem.APP_PASSWORDS)
@require_POST
def own_remove_app_password(request: PanelRequest, mailbox: Mailbox, pk: int) -> HttpResponse:
    """The program that uses it can no longer open the mailbox."""
    row = get_object_or_404(mailbox.app_passwords, pk=pk)
    tried = attempt(
        request,
        None,
        lambda actor: app_passwords.remove_app_password(actor, mailbox.address, row),
    )
    if not tried.is_done:
        return _app_passwords(request, mailbox, why=tried.why)
    return SeeOther(reverse("mailboxes:own_app_passwords"))


@owned(OwnItem.SIGN_INS)
@require_GET
def own_sign_ins(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """When and from where somebody opened the mailbox, or signed in here as its owner."""
    return show_own(
        request,
        mailbox,
        "mailboxes/own_sign_ins.html",
        sign_ins=find_sign_ins(mailbox.address),
        uses=last_uses(mailbox.address),
    )


@owned()
@require_GET
def own_programs(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """How a mail program is set up."""
    return show_own(
        request,
        mailbox,
        "mailboxes/own_programs.html",
        servers=servers_of(mailbox),
    )
