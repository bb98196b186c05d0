"""What the pages of an owner have in common: whose mailbox, and which pages there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.addresses.badge import badge_of, with_state
from qmailpanel.domains.frame import display, notices
from qmailpanel.domains.models import Address, Kind, OwnItem
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show
from qmailpanel.web.notices import FIRST_WAIT, around

PULSE = "mailboxes:own_pulse"


@dataclass(frozen=True)
class Tab:
    """A page of the owner's; there as long as one of its items is not withheld."""

    route: str
    title: Promise | str
    items: tuple[OwnItem, ...] = ()

    def is_open(self, withheld: list[str]) -> bool:
        return not self.items or any(item not in withheld for item in self.items)


TABS = (
    Tab("mailboxes:own", _("Overview")),
    Tab("mailboxes:own_password", _("Password"), (OwnItem.PASSWORD,)),
    Tab("mailboxes:own_security", _("Security")),
    Tab("mailboxes:own_app_passwords", _("App passwords"), (OwnItem.APP_PASSWORDS,)),
    Tab("mailboxes:own_mail", _("Delivery"), (OwnItem.FORWARDING, OwnItem.AUTO_REPLY)),
    Tab("mailboxes:own_sign_ins", _("Sign-ins"), (OwnItem.SIGN_INS,)),
    Tab("mailboxes:own_programs", _("Mail programs")),
)


def owned(*items: OwnItem) -> Callable[[Callable[..., HttpResponse]], Any]:
    """A page of the owner's, about the one mailbox that is theirs.

    For all others, and where all `items` are withheld, it does not exist.
    """

    def declare(view: Callable[..., HttpResponse]) -> Any:
        @audience(Audience.OWNER)
        @wraps(view)
        def guarded(request: PanelRequest, **more: Any) -> HttpResponse:
            mine = Mailbox.objects.owned_by(request.user).select_related("address__domain")
            mailbox = get_object_or_404(mine, panel=True)
            is_due = mailbox.must_change and OwnItem.PASSWORD in items
            if items and set(items) <= set(mailbox.address.domain.withheld) and not is_due:
                raise Http404
            stated = with_state(Address.objects.select_related("domain"))
            mailbox.address = stated.get(pk=mailbox.address_id)
            return view(request, mailbox, **more)

        return guarded

    return declare


def show_own(
    request: PanelRequest,
    mailbox: Mailbox,
    template: str,
    *,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """A page of the owner's. `shown`: which items are not withheld, by name."""
    address, domain = mailbox.address, mailbox.address.domain
    statuses = Statuses([domain.pk])
    withheld = domain.withheld
    badge = badge_of(statuses, address, Fates(request.user, own=address.pk))
    context = {
        **around(notices(statuses, domain), wait=FIRST_WAIT if badge.is_unsettled else 0),
        "pulse_route": PULSE,
        "address": address,
        "mailbox": mailbox,
        "on_hold": mailbox.on_hold,
        "is_left": statuses.is_left(address),
        "domain": domain,
        "host": f"@{display(domain)}",
        "badge": badge,
        "kind": Kind.MAILBOX,
        "tabs": [tab for tab in TABS if tab.is_open(withheld)],
        "shown": {item.name.lower(): item not in withheld for item in OwnItem},
        **extra,
    }
    return show(request, template, context, status=status)
