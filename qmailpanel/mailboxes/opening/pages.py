"""The list of app passwords and its form: of somebody else's mailbox, or of one's own."""

from __future__ import annotations

from typing import Any

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.models import Address
from qmailpanel.web.answers import sent
from qmailpanel.web.attempt import attempt

from .app_passwords import add_app_password
from .forms import AppPasswordForm


def app_password_context(request: PanelRequest, address: Address) -> dict[str, Any]:
    """The form, with what was not good; or empty again, with the new one and its text."""
    form = AppPasswordForm(sent(request))
    pair = attempt(
        request, form, lambda actor: add_app_password(actor, address, **form.cleaned_data)
    ).result
    if pair is None:
        return {"form": form}
    made, text = pair
    return {"form": AppPasswordForm(), "made": made, "text": text}
