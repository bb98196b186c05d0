"""Where a request comes from, whose times it shows, and the gates before every view: signed in,
with a password of one's own, and with a second factor where one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone

from .access import page_of, redirect_window
from .zones import zone_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]

SETTING_UP = {  # what somebody needs who has to add a second factor first
    "accounts:security",
    "accounts:choose_password",
    "account_change_password",
    "account_reauthenticate",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_view_recovery_codes",
}


class ClientAddressMiddleware:
    """REMOTE_ADDR is the client's: behind trusted proxies, what the outermost of them saw.

    What stands further to the left in X-Forwarded-For may be made up, so nobody reads it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        hops = settings.QMAILPANEL_TRUSTED_PROXIES
        seen = request.headers.get("X-Forwarded-For", "").split(",")
        forwarded = _address(seen[-hops]) if 0 < hops <= len(seen) else None
        address = forwarded or _address(request.META.get("REMOTE_ADDR", ""))
        if address:
            request.META["REMOTE_ADDR"] = address
        return self.get_response(request)


def _address(text: str) -> str | None:
    """One spelling for each client: ::ffff:192.0.2.1 is 192.0.2.1 on a socket for both kinds."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


class TimeZoneMiddleware:
    """Times are shown in the zone of whoever asks. What mail does on a day goes by the host's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zone_of(request.user)):
            return self.get_response(request)


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Signed-out people are led to the sign-in page, and from there back to where they were."""

    def handle_no_permission(  # type: ignore[override]  # htmx is not led by a 302
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        login = resolve_url(self.get_login_url(view_func))
        back = redirect_to_login(page_of(request), login, self.get_redirect_field_name(view_func))
        return redirect_window(request, back.url)


class PasswordRequiredMiddleware:
    """Whoever came by a sign-in link and has no password yet chooses one before anything else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: Any
    ) -> HttpResponseBase | None:
        user = request.user
        if not user.is_authenticated or user.is_owner or user.has_usable_password():
            return None
        if not getattr(view, "login_required", True) or getattr(view, "without_password", False):
            return None
        return redirect_window(request, reverse("accounts:choose_password"))


class SecondFactorRequiredMiddleware:
    """Whose time for adding a second factor is over adds one before anything else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: Any
    ) -> HttpResponseBase | None:
        user = request.user
        if not user.is_authenticated or not user.is_factor_overdue:
            return None
        match = request.resolver_match
        if not getattr(view, "login_required", True) or (match and match.view_name in SETTING_UP):
            return None
        return redirect_window(request, reverse("accounts:security"))
