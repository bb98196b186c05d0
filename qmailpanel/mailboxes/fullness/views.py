"""The mailboxes that are nearly full, of all the person's domains."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.accounts.models import User
from qmailpanel.domains.frame import display, notices
from qmailpanel.domains.fullness import nearly_full_among, nearly_full_begins
from qmailpanel.domains.models import Address, Domain
from qmailpanel.paging import page
from qmailpanel.reports.models import Usage
from qmailpanel.reports.node import holds_quotas
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show
from qmailpanel.web.notices import around

from .services import Bar, find_mailboxes


@audience(Audience.PERSON)
@require_GET
def nearly_full(request: PanelRequest) -> HttpResponse:
    """The fullest first."""
    fullest = page(
        nearly_full_among(Address.objects.for_user(request.user), _own_domains(request.user)),
        key=("-percent", "-address"),
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    context = {
        **around(notices(Statuses([]))),
        "page": fullest,
        "rows": _rows(fullest.rows),
        "begins": nearly_full_begins(),
        "holds": holds_quotas(),
        "query": "",
    }
    return show(request, "mailboxes/full.html", context)


def _own_domains(user: User) -> set[int] | None:
    """Their numbers; none of an operator, whose are all."""
    mine = Domain.objects.for_user(user).values_list("pk", flat=True)
    return None if user.is_operator else set(mine)


def _rows(usages: list[Usage]) -> list[tuple[Address, str, list[Bar]]]:
    rows = find_mailboxes(usages)
    return [(box.address, f"@{display(box.address.domain)}", bars) for box, bars in rows]
