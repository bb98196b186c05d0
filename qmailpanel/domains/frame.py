"""What stands around every page: the banner, the pulse, and what each row says of itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.qmail import names
from qmailpanel.reports.node import find_node
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.badges import Badge, make_badge
from qmailpanel.web.notices import FIRST_WAIT, Notice, around, make_notices

from .access.rights import in_order, shown_rights
from .models import Address, Claim, Domain


def address_key(address: Address) -> SafeString:
    return SafeString(f"a{address.pk:d}")


def domain_key(domain: Domain) -> SafeString:
    return SafeString(f"d{domain.pk:d}")


def address_badge(statuses: Statuses, address: Address) -> Badge:
    status = statuses.of_address(address)
    problem = statuses.problem_of_address(address) if status is Status.FAILED else None
    own = problem if problem and problem.address == address.pk else None
    return make_badge(address_key(address), status, own)


def domain_badge(statuses: Statuses, domain: Domain) -> Badge:
    return make_badge(domain_key(domain), statuses.of_domain(domain), None)


def name_badge(statuses: Statuses, name: Claim) -> Badge:
    return make_badge(SafeString(f"n{name.pk:d}"), statuses.of_name(name), None)


def notices(statuses: Statuses, domain: Domain | None = None) -> list[Notice]:
    """What concerns more than one row of this page: the service, the host, the domain."""
    problems = list(statuses.problems_of_host)
    if domain:
        problems += [one for one in statuses.problems_of_domain(domain) if one.address is None]
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
        "retention": settings.QMAILPANEL_RETENTION_DAYS,
        "domain_badge": badge,
        "tab": tab,
        "may": dict.fromkeys(in_order(shown_rights(request.user, domain)), True),
    }


def find_domain(request: PanelRequest, name: str) -> Domain:
    """The person's domain of that name; 404 if it is somebody else's."""
    mine = Domain.objects.for_user(request.user).select_related("limits")
    return get_object_or_404(mine, name=name, names__name=name, names__claims=True)


def display(domain: Domain | Claim) -> str:
    """The name as people write it."""
    return names.display_of(domain.name)
