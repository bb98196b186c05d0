"""The aliases of a mailbox, as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, When
from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.addresses.badge import badge_of, with_state
from qmailpanel.domains.addresses.links import href_of
from qmailpanel.domains.frame import display
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.pointers import holders_to
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.badges import Badge

from .forms import FurtherForm

SHOWN, MOST = 20, 200  # on the page; what is counted


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
    """The first of those that the person may see, how many more there are, and the form.

    `is_all`: there are no more than these.
    """
    mine = Address.objects.for_user(user).filter(removed=False, domain__removed=False)
    is_far = Case(When(domain=mailbox.domain_id, then=0), default=1)
    keys, is_all = holders_to(mailbox, mine.order_by(is_far, "domain__name", "local"), MOST)
    shown = with_state(Address.objects.for_user(user)).filter(**{f"pk{AMONG}": set(keys[:SHOWN])})
    rows = shown.select_related("domain").prefetch_related("destinations")
    return {
        "rows": _rows(user, sorted(rows, key=lambda one: keys.index(one.pk))),
        "hidden": max(len(keys) - SHOWN, 0),
        "is_all": is_all,
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
            href_of(one),
            badge_of(statuses, one, fates),
            one.kind == Kind.MAILBOX,
        )
        for one in addresses
    ]
