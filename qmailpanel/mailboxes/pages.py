"""The pages of a mailbox: a tab for each part, which the views of that part answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.domains.access.limits import storage_of
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.forms import RenameAddressForm
from qmailpanel.domains.addresses.pages import address_context
from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import route_of
from qmailpanel.domains.routes.sentences import say_route
from qmailpanel.reports.node import holds_quotas
from qmailpanel.web.answers import SeeOther, show
from qmailpanel.web.fields import PanelForm, errors_of

from .forms import CommentForm, PasswordForm, QuotaForm, RefusalForm
from .fullness.services import app_rows, last_uses, used_of
from .models import Mailbox
from .opening.forms import AppPasswordForm, SwitchesForm
from .removal import services as removal
from .removal.forms import RestoreForm
from .services import mailbox_of


@dataclass(frozen=True)
class Tab:
    """A page of a mailbox; there for whoever has one of these rights in its domain."""

    route: str
    title: Promise | str
    rights: tuple[Right, ...] = ()

    def is_open(self, may: dict[str, bool]) -> bool:
        return not self.rights or any(right in may for right in self.rights)


OVERVIEW, ACCESS, DELIVERY, QUOTA, MORE = (
    f"mailboxes:{name}" for name in ("detail", "access", "mail", "quota", "more")
)
TABS = (
    Tab(OVERVIEW, _("Overview")),
    Tab(ACCESS, _("Access"), (Right.PASSWORDS, Right.SWITCHING)),
    Tab(DELIVERY, _("Delivery"), (Right.ADDRESSES,)),
    Tab(QUOTA, _("Quota"), (Right.QUOTAS,)),
    Tab(MORE, _("More"), (Right.ADDRESSES, Right.SWITCHING)),
)


def list_href(name: str) -> str:
    return reverse("mailboxes:list", args=[name])


def to_tab(address: Address, route: str = OVERVIEW) -> SeeOther:
    """Look at the tab after a good POST."""
    return SeeOther(reverse(route, args=[address.domain.name, address.pk]))


def tab_context(request: PanelRequest, address: Address, route: str) -> dict[str, Any]:
    """The context of mailboxes/page.html; of what is removed there is one page only."""
    page, mailbox = address_context(request, address), mailbox_of(address)
    tabs = TABS[:1] if address.removed else TABS
    return {
        **page,
        "mailbox": mailbox,
        "on_hold": mailbox.on_hold,
        "tabs": [one for one in tabs if one.is_open(page["may"])],
        "here": reverse(route, args=[address.domain.name, address.pk]),
    }


def show_overview(
    request: PanelRequest, address: Address, *, why: str = "", **forms: PanelForm
) -> HttpResponse:
    """Where its mail goes, how full it is, and who opened it; of one that is removed, all."""
    context = tab_context(request, address, OVERVIEW)
    fates, mailbox = Fates(request.user), context["mailbox"]
    context |= {
        "hops": route_of(address, fates),
        "goes": say_route(str(address), fates),
        "used": used_of(mailbox, address),
        "uses": last_uses(address),
        **_removal(address, mailbox),
    }
    forms = {"form": CommentForm.of(address), "restore_form": RestoreForm(), **forms}
    if address.removed:
        is_restorable = context["is_taken"] and not address.domain.removed
        why = why or errors_of([] if is_restorable else [forms["restore_form"]])
        why = why or errors_of([forms["form"]])
    return _show(request, "mailboxes/detail.html", context, forms, why)


def show_access(
    request: PanelRequest,
    address: Address,
    *,
    why: str = "",
    more: dict[str, Any] | None = None,
    **forms: PanelForm,
) -> HttpResponse:
    """What opens the mailbox; `more`: a password or a link that is shown this once."""
    if address.removed:
        return show_overview(request, address, why=why or errors_of(forms.values()))
    context = tab_context(request, address, ACCESS)
    forms = {
        "password_form": PasswordForm(),
        "switches_form": SwitchesForm.of(address),
        "app_form": AppPasswordForm(),
        **forms,
    }
    context |= {"rows": app_rows(context["mailbox"]), **(more or {})}
    return _show(request, "mailboxes/access.html", context, forms, why)


def show_quota(
    request: PanelRequest, address: Address, form: QuotaForm | None = None
) -> HttpResponse:
    """How much it holds and may hold."""
    if address.removed:
        return show_overview(request, address, why=errors_of([form] if form else []))
    context = tab_context(request, address, QUOTA)
    mailbox: Mailbox = context["mailbox"]
    context |= {
        "storage": storage_of(address.domain),
        "is_held": holds_quotas() if mailbox.is_limited else True,
        "used": used_of(mailbox, address),
    }
    forms = {"quota_form": form or QuotaForm.of(address)}
    return _show(request, "mailboxes/quota.html", context, forms)


def show_more(
    request: PanelRequest, address: Address, *, why: str = "", **forms: PanelForm
) -> HttpResponse:
    """Off or on hold, another name, and its end."""
    if address.removed:
        return show_overview(request, address, why=why or errors_of(forms.values()))
    forms = {"form": RefusalForm.of(address), "rename": RenameAddressForm(), **forms}
    return _show(request, "mailboxes/more.html", tab_context(request, address, MORE), forms, why)


def _show(
    request: PanelRequest,
    template: str,
    context: dict[str, Any],
    forms: dict[str, Any],
    why: str = "",
) -> HttpResponse:
    is_wrong = bool(why) or any(form.errors for form in forms.values())
    shown = {**context, **forms, "why": why}
    return show(request, template, shown, status=422 if is_wrong else 200)


def _removal(address: Address, mailbox: Mailbox) -> dict[str, Any]:
    """What the page says of a removal, or of aliases that did not come back."""
    return {
        "kept_until": removal.kept_until(mailbox),
        "is_taken": address.removed and removal.has_other_owner(address),
        "missing": [] if address.removed else removal.find_missing(address),
    }
