"""Two gates before every view: signed in, and with a password of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect


def _lead(request: HttpRequest, address: str) -> HttpResponse:
    """Lead the whole window there: a fragment would end up inside a cell of the page."""
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Signed-out people are led to the sign-in page, and from there back to where they were."""

    def handle_no_permission(  # type: ignore[override]  # htmx is not led by a 302
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        login = resolve_url(self.get_login_url(view_func))
        back = redirect_to_login(_page_of(request), login, self.get_redirect_field_name(view_func))
        return _lead(request, back.url)


def _page_of(request: HttpRequest) -> str:
    """The page the person looks at, not the fragment it asked for or the form it sent."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        return htmx.current_url_abs_path or "/"
    return request.get_full_path() if request.method in ("GET", "HEAD") else "/"


class PasswordRequiredMiddleware:
    """Whoever came by a sign-in link and has no password yet chooses one before anything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
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
        return _lead(request, reverse("accounts:choose_password"))
