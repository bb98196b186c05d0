"""What a domain answers for people who left, on its settings page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.forms import ResponderForm
from qmailpanel.domains.frame import find_domain
from qmailpanel.domains.settings_views import settings_page, try_service
from qmailpanel.ledger.actors import Actor
from qmailpanel.web.answers import SeeOther

from .services import remove_responder, set_responder


@audience(Audience.PERSON)
@needs(Right.UNKNOWN)
@require_POST
def responder(request: PanelRequest, name: str) -> HttpResponse:
    """Another answer, or none any more, as the button said."""
    domain, actor = find_domain(request, name), Actor.of(request)
    form = ResponderForm.of(domain, request.POST)
    save: Callable[[], Any] = partial(remove_responder, actor, domain)
    if "remove" not in request.POST:
        if not form.is_valid():
            return settings_page(request, domain, responder_form=form)
        save = partial(set_responder, actor, domain, **form.cleaned_data)
    if try_service(form, save):
        return SeeOther(f"{reverse('domains:settings', args=[name])}#responder")
    return settings_page(request, domain, responder_form=form)
