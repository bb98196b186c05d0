"""The aliases of a mailbox, as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.domains.addresses.badge import badge_of, with_state
from qmailpanel.domains.frame import display
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.pointers import references_to
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.badges import Badge

from .forms import FurtherForm

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Further:
    """An address whose mail arrives in a mailbox too. `is_mailbox`: it forwards there."""

    local: str
    host: str
    href: str
    badge: Badge
    is_mailbox: bool


def further_context(
    user: User, mailbox: Address, form: FurtherForm | None = None
) -> dict[str, Any]:
    """The first of those that the person may see, how many more there are, and the form."""
    holders = {row.holder.pk for row in references_to(mailbox) if isinstance(row.holder, Address)}
    mine = with_state(Address.objects.for_user(user)).filter(pk__in=holders)
    there = mine.filter(removed=False, domain__removed=False).select_related("domain")
    found = list(there.order_by("domain__name", "local").prefetch_related("destinations"))
    found.sort(key=lambda one: one.domain_id != mailbox.domain_id)
    return {
        "rows": _rows(user, found[:SHOWN]),
        "hidden": max(len(found) - SHOWN, 0),
        "form": form or FurtherForm().within(mailbox.domain.name),
        "action": reverse("aliases:further", args=[mailbox.domain.name, mailbox.pk]),
    }


def _rows(user: User, addresses: list[Address]) -> list[Further]:
    statuses, fates = Statuses(one.domain_id for one in addresses), Fates(user)
    fates.take(addresses, statuses)
    return [
        Further(
            one.local,
            f"@{display(one.domain)}",
            _href(one),
            badge_of(statuses, one, fates),
            one.kind == Kind.MAILBOX,
        )
        for one in addresses
    ]


def _href(address: Address) -> str:
    app = "mailboxes" if address.kind == Kind.MAILBOX else "aliases"
    return reverse(f"{app}:detail", args=[address.domain.name, address.pk])
