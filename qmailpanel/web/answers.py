"""What a view answers: a page or a part of it, and where to look after a good POST."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from qmailpanel.accounts.access import PanelRequest


class SeeOther(HttpResponseRedirect):
    """The answer to a good POST: look there. See RFC 9110, 15.4.4."""

    status_code = 303


def wants(request: PanelRequest, target: str) -> bool:
    """Did htmx ask for that part of the page, and not for the page?"""
    return bool(request.htmx) and request.htmx.target == target


def see_other(request: PanelRequest, address: str) -> HttpResponse:
    """Lead the window there after a good POST, whoever sent it."""
    return HttpResponseClientRedirect(address) if request.htmx else SeeOther(address)


def sent(request: PanelRequest) -> QueryDict | None:
    """What was typed; none when a form is looked at for the first time."""
    return request.POST if request.method == "POST" else None


def show(
    request: PanelRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page, or with `#part` in the template's name a part of it."""
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response
