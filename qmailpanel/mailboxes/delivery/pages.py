"""Where mail goes and what is answered: for somebody else's mailbox, or for one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import route_of
from qmailpanel.domains.routes.remarks import remarks_on
from qmailpanel.domains.routes.sentences import say_route
from qmailpanel.domains.targets import targets_of
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.reports.node import answers_mail
from qmailpanel.web.attempt import attempt

from .forms import ForwardingForm, ReplyForm
from .replies import reply_of

Saving = Mapping[str, Callable[..., object]]  # part of the page → service


def delivery_context(request: PanelRequest, address: Address) -> dict[str, Any]:
    """The context of mailboxes/delivery.html: two forms, one of them with what was typed."""
    mailbox, part = mailbox_of(address), request.POST.get("part")
    reply, fates = reply_of(mailbox), Fates(request.user, own=address.pk)
    typed = {name: request.POST if part == name else None for name in ("forwarding", "reply")}
    return {
        "forwarding": ForwardingForm.of(address, typed["forwarding"]),
        "reply": ReplyForm.of(address, typed["reply"]),
        "running": reply.running,
        "answers": answers_mail(),
        "hops": route_of(address, fates),
        "goes": say_route(str(address), fates),
        "remarks": remarks_on(targets_of(address), fates, request.user),
    }


def save_delivery(
    request: PanelRequest, context: dict[str, Any], saving: Saving, row: Address | Mailbox
) -> bool:
    """Whether the form that was sent is saved by its service; else it has the errors."""
    part = request.POST.get("part", "")
    if part not in saving:
        return False
    form, save = context[part], saving[part]
    return attempt(
        request, form, lambda actor: save(actor, row, **form.cleaned_data), said=_("Saved.")
    ).is_done


def status_of(context: dict[str, Any]) -> int:
    """422 if one of the forms has errors."""
    return 422 if context["forwarding"].errors or context["reply"].errors else 200
