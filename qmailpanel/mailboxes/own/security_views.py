"""How the owner of a mailbox signs in, and where."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.accounts.pages import save_zone, security_context
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.web.answers import SeeOther

from .frame import owned, show_own


@owned()
@require_http_methods(["GET", "POST"])
def own_security(request: PanelRequest, mailbox: Mailbox) -> HttpResponse:
    """The second factor, unless the domain withholds it; sessions; the time zone."""
    form = save_zone(request)
    if form is None:
        return SeeOther(request.path)
    status = 422 if form.is_bound else 200
    context = security_context(request.user, form)
    return show_own(request, mailbox, "mailboxes/own_security.html", status=status, **context)
