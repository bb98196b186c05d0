"""What stands around every page: the banner, the pulse, and what each row says of itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.qmail import names
from qmailpanel.reports.node import find_node
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.badges import domain_badge
from qmailpanel.web.notices import FIRST_WAIT, Notice, around, make_notices

from .access.limits import limits_of
from .access.rights import may
from .models import Claim, Domain
from .names.refusals import refusal_of


def notices(statuses: Statuses, domain: Domain | None = None) -> list[Notice]:
    """What concerns more than one row of this page: the service, the host, the domain."""
    problems = statuses.problems_around(domain)
    is_waiting = domain is None or statuses.of_domain(domain) is Status.PENDING
    return make_notices(problems, find_node(), is_waiting=is_waiting)


def domain_context(
    request: PanelRequest, domain: Domain, tab: str, statuses: Statuses
) -> dict[str, Any]:
    """The context of domains/page.html; `may`: what the person may do with the domain."""
    badge = domain_badge(statuses, domain)
    return {
        **around(notices(statuses, domain), wait=FIRST_WAIT if badge.is_unsettled else 0),
        "domain": domain,
        "display": display(domain),
        "limits": limits_of(domain),
        "retention": settings.QMAILPANEL_RETENTION_DAYS,
        "domain_badge": badge,
        "refusal": refusal_of(domain) if domain.removed else None,
        "tab": tab,
        "may": may(request.user, domain),
    }


def find_domain(request: PanelRequest, name: str) -> Domain:
    """The person's domain of that name; 404 if it is somebody else's."""
    mine = Domain.objects.for_user(request.user).select_related("limits")
    return get_object_or_404(mine, name=name, names__name=name, names__claims=True)


def display(domain: Domain | Claim) -> str:
    """The name as people write it."""
    return names.display_of(domain.name)
