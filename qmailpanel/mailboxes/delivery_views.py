"""Where the mail of a mailbox goes, and what it answers: for admins, and for the owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.addressed import address_page, find_address
from qmailpanel.domains.forms import PanelForm
from qmailpanel.domains.frame import SeeOther, address_badge, around, display, needs, notices, show
from qmailpanel.domains.models import Address, Kind, OwnItem
from qmailpanel.domains.path import Node, forwarded, maildir, path_of
from qmailpanel.domains.rights import Right
from qmailpanel.ledger.services import Actor, Refused, Statuses, answers_mail

from .delivery_forms import ForwardingForm, ReplyForm
from .forwarding import change_forwarding, change_own_forwarding, forwards_of
from .models import Mailbox
from .replies import change_own_reply, change_reply, reply_of
from .services import mailbox_of

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
    return _show(request, "mailboxes/mail.html", {**address_page(request, address), **forms})


@audience(Audience.OWNER)
@require_http_methods(["GET", "POST"])
def own_mail(request: PanelRequest) -> HttpResponse:
    """The same of the owner's mailbox, as far as the domain leaves it to them."""
    mine = Mailbox.objects.owned_by(request.user).select_related("address__domain")
    mailbox = get_object_or_404(mine)
    address = mailbox.address
    withheld = address.domain.withheld
    saving: dict[str, Save] = {
        "forwarding": change_own_forwarding,
        "reply": change_own_reply,
    }
    forms = _forms(request, address)
    if _try(request, forms, saving, mailbox):
        return SeeOther(request.path)
    statuses = Statuses([address.domain_id])
    context = {
        **around(notices(statuses, address.domain)),
        **forms,
        "address": address,
        "host": f"@{display(address.domain)}",
        "badge": address_badge(statuses, address),
        "no_forwarding": OwnItem.FORWARDING in withheld,
        "no_reply": OwnItem.AUTO_REPLY in withheld,
    }
    return _show(request, "mailboxes/own_mail.html", context)


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


def _show(request: PanelRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    is_wrong = context["forwarding"].errors or context["reply"].errors
    return show(request, template, context, status=422 if is_wrong else 200)
