"""The gate before the owner's pages: with a password of the owner's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from qmailpanel.accounts.access import redirect_window
from qmailpanel.mailboxes.models import Mailbox

FREE = {"mailboxes:own_password", "mailboxes:own_pulse"}


class OwnPasswordRequiredMiddleware:
    """An owner who must choose another password does so before anything else."""

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
        if not getattr(view, "login_required", True) or (match and match.view_name in FREE):
            return None
        if not Mailbox.objects.owned_by(user).filter(must_change=True).exists():
            return None
        return redirect_window(request, reverse("mailboxes:own_password"))
