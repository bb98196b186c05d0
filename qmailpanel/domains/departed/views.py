"""What a domain answers for people who left, on its settings page."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.frame import find_domain
from qmailpanel.domains.models import Domain
from qmailpanel.domains.pages import UNKNOWN, show_unknown
from qmailpanel.web.answers import SeeOther
from qmailpanel.web.attempt import attempt

from .forms import ResponderForm
from .services import remove_responder, set_responder


@audience(Audience.PERSON)
@needs(Right.UNKNOWN)
@require_POST
def responder(request: PanelRequest, name: str) -> HttpResponse:
    """Another answer, or none any more, as the button said."""
    domain = find_domain(request, name)
    if "remove" in request.POST:
        return _remove(request, domain)
    form = ResponderForm.of(domain, request.POST)
    tried = attempt(
        request,
        form,
        lambda actor: set_responder(actor, domain, **form.cleaned_data),
        said=_("The answer is saved."),
    )
    return _here(name) if tried.is_done else show_unknown(request, domain, responder_form=form)


def _remove(request: PanelRequest, domain: Domain) -> HttpResponse:
    tried = attempt(request, None, lambda actor: remove_responder(actor, domain))
    return _here(domain.name) if tried.is_done else show_unknown(request, domain, why=tried.why)


def _here(name: str) -> SeeOther:
    return SeeOther(reverse(UNKNOWN.route, args=[name]))
