"""The pages of a domain that has another name by now."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from .models import Domain

APPS = ("domains", "mailboxes", "aliases", "activity", "people")  # with pages of a domain


class RenamedDomainMiddleware:
    """Who looks for a domain by an old name is led to the same page of what it is called now."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 404 and request.method == "GET":
            return _find_renamed(request) or response
        return response


def _find_renamed(request: HttpRequest) -> HttpResponseRedirect | None:
    match = request.resolver_match
    is_of_domain = match is not None and match.app_name in APPS and "name" in match.kwargs
    if match is None or not is_of_domain or not request.user.is_authenticated:
        return None
    mine = Domain.objects.for_user(request.user).filter(removed=False)
    domain = mine.filter(names__name=match.kwargs["name"]).first()
    if domain is None or domain.name == match.kwargs["name"]:
        return None
    there = reverse(match.view_name, kwargs={**match.kwargs, "name": domain.name})
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"{there}?{query}" if query else there)
