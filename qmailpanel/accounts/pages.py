"""What the pages about security share: a person's, and an owner's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.utils.translation import gettext as _

from qmailpanel.ledger.actors import Actor

from .access import PanelRequest
from .factors import factors_of
from .forms import ZoneForm
from .models import User
from .sessions import list_sessions
from .zones import choose_zone


def security_context(user: User, form: ZoneForm) -> dict[str, Any]:
    """What accounts/factors.html, sessions.html and zone.html show."""
    return {
        "zone_form": form,
        "factors": factors_of(user),
        "sessions": list_sessions(user),
        "allows_passkeys": allows_passkeys(),
    }


def allows_passkeys() -> bool:
    """Whether browsers have passkeys for the base URL."""
    return "webauthn" in settings.MFA_SUPPORTED_TYPES


def save_zone(request: PanelRequest) -> ZoneForm | None:
    """The form of the time zone, as it is or with what was not good; None when it was saved."""
    form = ZoneForm(request.POST if request.method == "POST" else None, user=request.user)
    if not form.is_valid():
        return form
    choose_zone(Actor.of(request), request.user, form.cleaned_data["zone"])
    messages.success(request, _("Saved."))
    return None
