"""The two pages that allauth does not have: the sign-in link, and the first password."""

from __future__ import annotations

from django.contrib.auth import login, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.accounts.forms import ChoosePasswordForm
from qmailpanel.accounts.services import find_link_user, set_password, use_sign_in_link

BY_LINK = "by_link"  # in the session: came by a link, so need not know the present password


@audience(Audience.ANYONE)
@sensitive_post_parameters("token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_by_link(request: HttpRequest) -> HttpResponse:
    """Looking at the link only asks; the button uses it up, so that no mail scanner does."""
    if request.method != "POST":
        token = request.GET.get("token", "")
        return _answer_link(request, token)
    user = use_sign_in_link(request.POST.get("token", ""))
    if user is None:
        return _answer_link(request, "")
    login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
    request.session[BY_LINK] = True
    return redirect("/")


def _answer_link(request: HttpRequest, token: str) -> HttpResponse:
    user = find_link_user(token)
    status = 200 if user else 410
    context = {"person": user, "token": token}
    return render(request, "accounts/sign_in_by_link.html", context, status=status)


@audience(Audience.PERSON)
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def choose_password(request: PanelRequest) -> HttpResponse:
    """The first password, or another one for who forgot it and came by a sign-in link."""
    if request.user.has_usable_password() and not request.session.get(BY_LINK):
        return redirect("account_change_password")
    form = ChoosePasswordForm(request.POST or None, user=request.user)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "accounts/choose_password.html", {"form": form}, status=status)
    set_password(request.user, form.cleaned_data["password"])
    update_session_auth_hash(request, request.user)
    request.session.pop(BY_LINK, None)
    return redirect("/")


choose_password.without_password = True  # type: ignore[attr-defined]  # for the middleware
