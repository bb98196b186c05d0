"""Where the mail of the owner's mailbox goes, and what it answers."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.models import OwnItem
from qmailpanel.mailboxes.delivery.forwarding import change_own_forwarding
from qmailpanel.mailboxes.delivery.pages import Saving, delivery_context, save_delivery, status_of
from qmailpanel.mailboxes.delivery.replies import change_own_reply
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.web.answers import SeeOther

from .frame import owned, show_own

SAVING: Saving = {"forwarding": change_own_forwarding, "reply": change_own_reply}


@owned(OwnItem.FORWARDING, OwnItem.AUTO_REPLY)
@require_http_methods(["GET", "POST"])
def own_mail(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """Forwarding and auto-reply, as far as the domain leaves them to the owner."""
    delivery = delivery_context(request, mailbox.address)
    if save_delivery(request, delivery, SAVING, mailbox):
        return SeeOther(request.path)
    template = "mailboxes/own_mail.html"
    return show_own(request, mailbox, template, status=status_of(delivery), **delivery)
