"""The page of a mailbox, which the views of all its parts answer with."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.access.limits import storage_of
from qmailpanel.domains.addresses.forms import RenameAddressForm
from qmailpanel.domains.addresses.pages import address_context
from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import route_of
from qmailpanel.domains.routes.sentences import say_route
from qmailpanel.reports.node import holds_quotas
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.fields import errors_of

from .forms import MailboxForm, PasswordForm, QuotaForm
from .fullness.services import last_uses, used_of
from .models import Mailbox
from .opening.forms import SwitchesForm
from .removal import services as removal
from .removal.forms import RestoreForm
from .services import mailbox_of

FORMS = ("form", "password_form", "quota_form", "switches_form", "rename", "restore_form")


def list_href(name: str) -> str:
    return reverse("mailboxes:list", args=[name])


def to_detail(address: Address) -> SeeOther:
    """Look at the mailbox after a good POST."""
    return SeeOther(reverse("mailboxes:detail", args=[address.domain.name, address.pk]))


def show_detail(request: PanelRequest, address: Address, **extra: Any) -> HttpResponse:
    """The page of a mailbox, with a form that was not good or a reason why not."""
    mailbox, fates = mailbox_of(address), Fates(request.user)
    context = {
        **address_context(request, address),
        "form": MailboxForm.of(address),
        "password_form": PasswordForm(),
        "quota_form": QuotaForm.of(address),
        "storage": storage_of(address.domain),
        "is_held": holds_quotas() if mailbox.is_limited else True,
        "switches_form": SwitchesForm.of(address),
        "rename": RenameAddressForm(),
        "used": used_of(mailbox, address),
        "uses": last_uses(address),
        "has_password": bool(mailbox.password),
        "on_hold": mailbox.on_hold,
        "hops": route_of(address, fates),
        "goes": say_route(str(address), fates),
        **_removal(address, mailbox),
        "why": "",
        **extra,
    }
    forms = [context[form] for form in FORMS]
    if address.removed:
        is_restorable = context["is_taken"] and not address.domain.removed
        shown = [context["restore_form"]] if is_restorable else []
        hidden = [form for form in forms if form not in shown]
        context["why"] = context["why"] or errors_of(hidden)
    is_wrong = bool(context["why"]) or any(form.errors for form in forms)
    return show(request, "mailboxes/detail.html", context, status=422 if is_wrong else 200)


def _removal(address: Address, mailbox: Mailbox) -> dict[str, Any]:
    """What the page says of a removal, or of aliases that did not come back."""
    return {
        "mailbox": mailbox,
        "restore_form": RestoreForm(),
        "kept_until": removal.kept_until(mailbox),
        "is_taken": address.removed and removal.has_other_owner(address),
        "missing": [] if address.removed else removal.find_missing(address),
    }
