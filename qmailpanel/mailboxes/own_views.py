"""The page of the owner of a mailbox."""

from __future__ import annotations

from allauth.core import ratelimit
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import SeeOther, address_badge, around, display, notices, show
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.path import path_of
from qmailpanel.ledger.services import Actor, Refused, Statuses

from .delivery_views import ends_of
from .forms import OwnPasswordForm, words_of
from .models import Mailbox
from .owners import find_further, set_own_password
from .services import mailbox_of


@audience(Audience.OWNER)
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def own(request: PanelRequest) -> HttpResponse:
    """What the mailbox is, and its password."""
    mine = Mailbox.objects.owned_by(request.user).select_related("address__domain")
    mailbox = get_object_or_404(mine)
    if request.method == "POST" and "suggest" in request.POST:
        typed = {"present": request.POST.get("present", "")}
        return _page(request, mailbox.address, OwnPasswordForm.suggesting(typed))
    if request.method == "GET":
        return _page(request, mailbox.address, OwnPasswordForm())
    address = mailbox.address
    if not ratelimit.consume(request, action="reauthenticate", user=request.user):
        return render(request, "429.html", status=429)
    form = OwnPasswordForm(request.POST, words=words_of(address.domain, address.local))
    if form.is_valid() and _set(request, mailbox, form):
        return SeeOther(f"{request.path}?set=1")
    return _page(request, address, form, status=422)


def _set(request: PanelRequest, mailbox: Mailbox, form: OwnPasswordForm) -> bool:
    try:
        owner = set_own_password(Actor.of(request), mailbox, **form.cleaned_data)
    except Refused as refusal:
        form.refuse(refusal)
        return False
    update_session_auth_hash(request, owner)
    return True


def _page(
    request: PanelRequest, address: Address, form: object, *, status: int = 200
) -> HttpResponse:
    statuses = Statuses([address.domain_id])
    context = {
        **around(notices(statuses, address.domain)),
        "address": address,
        "host": f"@{display(address.domain)}",
        "badge": address_badge(statuses, address),
        "hops": path_of(address, ends_of(address, mailbox_of(address))),
        "further": find_further(address),
        "form": form,
        "is_set": "set" in request.GET,
        "kind": Kind.MAILBOX,
    }
    return show(request, "mailboxes/own.html", context, status=status)
