"""Where the mail of somebody else's mailbox goes, and what it answers."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import find_address
from qmailpanel.domains.models import Kind
from qmailpanel.mailboxes.pages import DELIVERY, show_overview, tab_context
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.fields import errors_of

from .forwarding import change_forwarding
from .pages import Saving, delivery_context, save_delivery, status_of
from .replies import change_reply

SAVING: Saving = {"forwarding": change_forwarding, "reply": change_reply}


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def mail(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """Forwarding and auto-reply of a mailbox of the domain."""
    address = find_address(request, name, Kind.MAILBOX, pk)
    delivery = delivery_context(request, address)
    if save_delivery(request, delivery, SAVING, address):
        return SeeOther(request.path)
    if address.removed:
        why = errors_of([delivery["forwarding"], delivery["reply"]])
        return show_overview(request, address, why=why)
    shown = dict.fromkeys(("forwarding", "auto_reply"), True)
    context = {**tab_context(request, address, DELIVERY), **delivery, "shown": shown}
    return show(request, "mailboxes/mail.html", context, status=status_of(delivery))
