"""The gate before all that an owner asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from qmailpanel.accounts.access import redirect_window
from qmailpanel.domains.models import OwnItem
from qmailpanel.mailboxes.models import Mailbox

FREE = {"mailboxes:own_password", "mailboxes:own_pulse"}
FACTORS = {  # allauth's pages, which cannot ask what the domain withholds
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
}


class OwnerMiddleware:
    """For an owner there are pages while the mailbox is there and opens the panel.

    Who must choose another password does so before anything else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: Any
    ) -> HttpResponseBase | None:
        user, match = request.user, request.resolver_match
        if not user.is_authenticated or not user.is_owner:
            return None
        if not getattr(view, "login_required", True):
            return None
        mailbox = _mailbox_of(user)
        name = match.view_name if match else ""
        if name in FACTORS and OwnItem.SECOND_FACTOR in mailbox.address.domain.withheld:
            raise Http404
        if not mailbox.must_change or name in FREE:
            return None
        return redirect_window(request, reverse("mailboxes:own_password"))


def _mailbox_of(user: Any) -> Mailbox:
    """With its domain, and known by the name that it has now: a password is asked for by that."""
    mine = Mailbox.objects.owned_by(user).filter(panel=True)
    mailbox = mine.select_related("address__domain").first()
    if mailbox is None:
        raise Http404
    user.mailbox, user.email = mailbox, str(mailbox.address)
    return mailbox
