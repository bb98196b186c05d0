"""Where the mail of a mailbox goes, and what it answers: for admins, and for the owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import address_page, find_address
from qmailpanel.domains.models import Address, Kind, OwnItem
from qmailpanel.domains.routes.picture import Node, forwarded, maildir, path_of
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.own.frame import owned, show_own
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.reports.node import answers_mail
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.fields import PanelForm

from .forms import ForwardingForm, ReplyForm
from .forwarding import change_forwarding, change_own_forwarding, forwards_of
from .replies import change_own_reply, change_reply, reply_of

Save = Callable[..., Any]


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def mail(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Forwarding and auto-reply of a mailbox of the domain."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    saving: dict[str, Save] = {"forwarding": change_forwarding, "reply": change_reply}
    forms = _forms(request, address)
    if _try(request, forms, saving, address):
        return SeeOther(request.path)
    shown = dict.fromkeys(("forwarding", "auto_reply"), True)
    context = {**address_page(request, address), **forms, "shown": shown}
    return show(request, "mailboxes/mail.html", context, status=_status(forms))


@owned(OwnItem.FORWARDING, OwnItem.AUTO_REPLY)
@require_http_methods(["GET", "POST"])
def own_mail(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """The same of the owner's mailbox, as far as the domain leaves it to them."""
    saving: dict[str, Save] = {
        "forwarding": change_own_forwarding,
        "reply": change_own_reply,
    }
    forms = _forms(request, mailbox.address)
    if _try(request, forms, saving, mailbox):
        return SeeOther(request.path)
    return show_own(request, mailbox, "mailboxes/own_mail.html", status=_status(forms), **forms)


def ends_of(address: Address, mailbox: Mailbox) -> list[Node]:
    """Where mail to a mailbox ends: its Maildir, and where it is forwarded to."""
    targets = forwards_of(address)
    if mailbox.on_hold:
        return [Node(_("on hold"), _("waits at this mail server"), "stopped")]
    kept = [maildir(address.local)] if mailbox.keeps or not targets else []
    return [*kept, *(forwarded(*targets) if targets else [])]


def _forms(request: PanelRequest, address: Address) -> dict[str, Any]:
    """Both forms; the one that was sent with what was typed."""
    mailbox, part = mailbox_of(address), request.POST.get("part")
    reply = reply_of(mailbox)
    data = {name: request.POST if part == name else None for name in ("forwarding", "reply")}
    return {
        "forwarding": ForwardingForm.of(address, data["forwarding"]),
        "reply": ReplyForm.of(reply, data["reply"]),
        "running": reply.running,
        "answers": answers_mail(),
        "hops": path_of(address, ends_of(address, mailbox)),
    }


def _try(
    request: PanelRequest, forms: dict[str, Any], saving: dict[str, Save], row: Address | Mailbox
) -> bool:
    """Do what the form that was sent says; it has the errors, if there are any."""
    form = forms.get(request.POST.get("part", ""))
    if not isinstance(form, PanelForm) or not form.is_valid():
        return False
    try:
        saving[request.POST["part"]](Actor.of(request), row, **form.cleaned_data)
    except Refused as refusal:
        form.refuse(refusal)
    return not form.errors


def _status(forms: dict[str, Any]) -> int:
    return 422 if forms["forwarding"].errors or forms["reply"].errors else 200
