"""What is open to somebody who is not signed in: the link of an owner, and webmail's password."""

from __future__ import annotations

from allauth.core.internal.ratelimit import consume, get_ip
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.accounts.access import Audience, audience
from qmailpanel.accounts.services import record_refused
from qmailpanel.accounts.sessions import sign_in
from qmailpanel.mailboxes.forms import NextPasswordForm
from qmailpanel.mailboxes.models import Mailbox, PasswordLink
from qmailpanel.mailboxes.opening.links import find_link, use_link
from qmailpanel.mailboxes.opening.suggest import known_words
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.web.attempt import attempt
from qmailpanel.web.lists import searched

from .webmail import set_webmail_password


@audience(Audience.ANYONE)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Looking at the link only asks; the button uses it up, so that no mail scanner does."""
    sent_by = request.POST if request.method == "POST" else request.GET
    token = sent_by.get("token", "")
    link = find_link(token)
    if link is None:
        return render(request, "mailboxes/welcome.html", status=410)
    context = {"address": link.mailbox.address, "token": token}
    if request.method != "POST":
        return render(request, "mailboxes/welcome.html", {**context, "form": NextPasswordForm()})
    if "suggest" in request.POST:
        form = NextPasswordForm.suggesting({})
        return render(request, "mailboxes/welcome.html", {**context, "form": form})
    return _set(request, link, context)


def _set(request: HttpRequest, link: PasswordLink, context: dict[str, object]) -> HttpResponse:
    address = link.mailbox.address
    form = NextPasswordForm(request.POST, words=known_words(address.domain, address.local))
    token = str(context["token"])
    mailbox = attempt(
        request, form, lambda actor: use_link(actor.ip, token, form.cleaned_data["password"])
    ).result
    if mailbox:
        return _enter(request, mailbox)
    return render(request, "mailboxes/welcome.html", {**context, "form": form}, status=422)


def _enter(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Signed in, if the mailbox opens the panel at all, and without a second factor.

    The link is worth the password, and no more.
    """
    owner = owner_of(mailbox)
    if not mailbox.panel or owner.has_second_factor:
        context = {"done": mailbox.address, "opens_panel": mailbox.panel}
        return render(request, "mailboxes/welcome.html", context)
    sign_in(request, owner, "link")
    return redirect("mailboxes:own")


@csrf_exempt
@audience(Audience.ANYONE)
@sensitive_post_parameters()
@require_POST
def webmail_password(request: HttpRequest) -> HttpResponse:
    """For webmail's programs: user, curpass and newpass; `ok`, or a sentence and no 2xx.

    Wrong tries are counted as those of signing in are, and with them.
    """
    typed = searched(request.POST.get("user", ""))
    present, password = request.POST.get("curpass", ""), request.POST.get("newpass", "")
    key = f"{typed} {get_ip(request)}"
    counted = consume(request, app="allauth.account", action="login_failed", key=key)
    if not counted:
        return _answer(_("Too many tries. Wait five minutes."), 429)
    tried = attempt(
        request,
        None,
        lambda actor: set_webmail_password(
            actor.ip, login=typed, present=present, password=password
        ),
    )
    if tried.refusal and tried.refusal.field == "present":
        record_refused(request, typed)
    else:
        counted.rollback()
    return _answer("ok", 200) if tried.is_done else _answer(tried.why, 422)


def _answer(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
