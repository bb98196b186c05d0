"""Who may see a view: said once, above the view, and enforced there."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from .models import User


class Audience(Enum):
    """Anyone at all, whoever signed in, the one or the other kind of them, or operators only.

    A person has an account; an owner has a mailbox and signs in with that mailbox's password.
    """

    ANYONE = auto()
    SIGNED_IN = auto()
    OWNER = auto()
    PERSON = auto()
    OPERATOR = auto()


class PanelRequest(HttpRequest):
    """A request of somebody who signed in."""

    user: User
    htmx: HtmxDetails


View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def audience(who: Audience) -> Callable[[View], View]:
    """Declare and enforce a view's audience; for all others the page does not exist.

    That a signed-out person is led to the sign-in page is the middleware's doing.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not _belongs(request, who):
                raise Http404
            return view(request, *args, **kwargs)

        guarded.audience = who  # type: ignore[attr-defined]  # read by the walk over all routes
        return cast(View, login_not_required(guarded) if who is Audience.ANYONE else guarded)

    return declare


def _belongs(request: HttpRequest, who: Audience) -> bool:
    if who is Audience.ANYONE:
        return True
    user = request.user
    if not user.is_authenticated or who is Audience.SIGNED_IN:
        return user.is_authenticated
    return {
        Audience.OWNER: user.is_owner,
        Audience.PERSON: not user.is_owner,
        Audience.OPERATOR: user.is_operator,
    }[who]


def reauthenticated(view: View) -> View:
    """Whoever did not show lately who they are does so first, and then comes back.

    Stands below `audience`. A form that was sent is not kept meanwhile: it may hold a password.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if did_recently_reauthenticate(request):
            return view(request, *args, **kwargs)
        way = get_adapter().get_reauthentication_methods(request.user)[0]["url"]
        return redirect_window(request, f"{way}?{urlencode({'next': page_of(request)})}")

    return cast(View, guarded)


def redirect_window(request: HttpRequest, address: str) -> HttpResponse:
    """Lead the whole window there: a fragment would end up inside a cell of the page."""
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


def page_of(request: HttpRequest) -> str:
    """The page the person looks at, not the fragment it asked for or the form it sent."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        return htmx.current_url_abs_path or "/"
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    sent_from = urlsplit(request.headers.get("Referer", ""))
    return sent_from.path or "/" if sent_from.netloc == request.get_host() else "/"
