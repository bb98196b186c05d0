"""The pages that allauth does not have, and what its own pages lack."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import LoginWebAuthnView, ReauthenticateWebAuthnView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from qmailpanel.ledger.actors import Actor

from .access import Audience, PanelRequest, View, audience, reauthenticated
from .factors import has_factor
from .forms import NewPasswordForm
from .pages import allows_passkeys, save_zone, security_context
from .services import find_link_user, set_password, use_sign_in_link
from .sessions import end_other_sessions, end_session, keep_session, sign_in


@audience(Audience.ANYONE)
@sensitive_post_parameters("token")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_by_link(request: HttpRequest) -> HttpResponse:
    """Looking at the link only asks; the button uses it up, so that no mail scanner does."""
    if request.method != "POST":
        token = request.GET.get("token", "")
        return _answer_link(request, token)
    user = use_sign_in_link(request.POST.get("token", ""))
    if user is None:
        return _answer_link(request, "")
    sign_in(request, user, "link")
    return redirect("/")


def _answer_link(request: HttpRequest, token: str) -> HttpResponse:
    user = find_link_user(token)
    status = 200 if user else 410
    context = {"person": user, "token": token}
    return render(request, "accounts/sign_in_by_link.html", context, status=status)


@audience(Audience.PERSON)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def choose_password(request: PanelRequest) -> HttpResponse:
    """The first password."""
    if request.user.has_usable_password():
        return redirect("account_change_password")
    return _new_password(request, "accounts/choose_password.html", "/")


choose_password.without_password = True  # type: ignore[attr-defined]  # for the middleware


@audience(Audience.PERSON)
@sensitive_post_parameters("password")
@reauthenticated
@require_http_methods(["GET", "POST"])
def change_password(request: PanelRequest) -> HttpResponse:
    """Another password, for whoever just typed the present one or came by a sign-in link."""
    return _new_password(request, "accounts/change_password.html", reverse("accounts:security"))


def _new_password(request: PanelRequest, template: str, then: str) -> HttpResponse:
    form = NewPasswordForm(request.POST or None, user=request.user)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, template, {"form": form}, status=status)
    set_password(request.user, form.cleaned_data["password"], ip=Actor.of(request).ip)
    keep_session(request, request.user)
    return redirect(then)


@audience(Audience.SIGNED_IN)
@require_http_methods(["GET", "POST"])
def security(request: PanelRequest) -> HttpResponse:
    """How the person signs in, where it is signed in, and in which time zone it reads times.

    An owner has all this among the pages of the mailbox.
    """
    if request.user.is_owner:
        return redirect("mailboxes:own_security")
    form = save_zone(request)
    if form is None:
        return redirect("accounts:security")
    status = 422 if form.is_bound else 200
    context = security_context(request.user, form)
    return render(request, "accounts/security.html", context, status=status)


@audience(Audience.SIGNED_IN)
@require_POST
def end_one_session(request: PanelRequest, pk: int) -> HttpResponse:
    if not end_session(Actor.of(request), request.user, pk):
        raise Http404
    return redirect("accounts:security")


@audience(Audience.SIGNED_IN)
@require_POST
def end_sessions(request: PanelRequest) -> HttpResponse:
    end_other_sessions(Actor.of(request), request.user, request)
    return redirect("accounts:security")


# allauth's pages


def for_who_has(kind: str) -> Callable[[View], View]:
    """A page about a factor, for whoever has it; all others are led back to the overview."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: PanelRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not has_factor(request.user, kind):
                return redirect("accounts:security")
            return view(request, *args, **kwargs)

        return cast(View, guarded)

    return declare


def with_passkeys(view: View) -> View:
    """A page about passkeys, where the base URL allows them; about one, for whose it is."""

    @wraps(view)
    def guarded(request: PanelRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        pk = kwargs.get("pk")
        is_own = pk is None or has_factor(request.user, Authenticator.Type.WEBAUTHN, pk)
        if not is_own or not allows_passkeys():
            raise Http404
        return view(request, *args, **kwargs)

    return cast(View, guarded)


class SignInByPasskey(LoginWebAuthnView):  # type: ignore[misc]  # allauth has no types
    """Says on the page that a passkey is not known here; allauth says it nowhere."""

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ARG002 - allauth's name
        return redirect(f"{reverse('account_login')}?passkey=unknown")


class ConfirmByPasskey(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """A passkey that does not fit is asked for again."""

    def form_invalid(self, form: Any) -> HttpResponse:
        context = self.get_context_data() | {"form": form}
        return cast(HttpResponse, self.render_to_response(context, status=422))
