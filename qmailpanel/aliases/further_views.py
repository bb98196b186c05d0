"""One more alias of a mailbox, from the page of the mailbox."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.pages import address_context, find_address
from qmailpanel.domains.models import Address, Kind
from qmailpanel.ledger.actors import Actor
from qmailpanel.qmail.names import MailAddress
from qmailpanel.web.answers import SeeOther, sent, show
from qmailpanel.web.attempt import attempt

from .forms import FurtherForm
from .pages import further_context
from .services import add_alias


@audience(Audience.PERSON)
@needs(Right.ADDRESSES)
@require_http_methods(["GET", "POST"])
def further(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """One more, and back to the page of the mailbox; or the form with what is wrong."""
    mailbox = find_address(request, name, Kind.MAILBOX, pk)
    back = SeeOther(reverse("mailboxes:detail", args=[name, pk]))
    form = FurtherForm(sent(request)).within(name)
    if mailbox.removed:
        return back
    tried = attempt(
        request, form, lambda actor: _add(actor, mailbox, form), said=_("The alias is added.")
    )
    if tried.is_done:
        return back
    shown = {"further": further_context(request.user, mailbox, form)}
    context = {**address_context(request, mailbox), **shown}
    return show(request, "aliases/add.html", context, status=422 if form.errors else 200)


def _add(actor: Actor, mailbox: Address, form: FurtherForm) -> Address:
    local, target = form.cleaned_data["local"], MailAddress(str(mailbox))
    return add_alias(actor, mailbox.domain, local, [target])
