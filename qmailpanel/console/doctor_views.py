"""What the doctor found on this host."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.qmail.doctor import Severity
from qmailpanel.reports.node import find_node, is_alive
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import Examination, HostFinding
from qmailpanel.sync.services import ask_examination
from qmailpanel.web.answers import see_other, show
from qmailpanel.web.attempt import attempt

from .overview import console_context

TITLES = {
    Severity.ALARM: _("Act now: mail is lost, bounces, or is relayed for everybody"),
    Severity.TROUBLE: _("Some mail waits, is refused, or goes elsewhere"),
    Severity.NOTE: _("Good to know"),
}


@audience(Audience.OPERATOR)
@require_GET
def doctor(request: PanelRequest) -> HttpResponse:
    """The findings, the worst first; by file and line within."""
    findings = list(HostFinding.objects.for_user(request.user).order_by("file", "number", "pk"))
    context = {
        **console_context(request, notices(Statuses([]))),
        "groups": _by_severity(findings),
        "examination": Examination.objects.for_user(request.user).first(),
        "is_running": is_alive(find_node()),
    }
    return show(request, "console/doctor.html", context)


@audience(Audience.OPERATOR)
@require_POST
def look_again(request: PanelRequest) -> HttpResponse:
    """Have the sync service examine the host at once."""
    attempt(request, None, lambda _actor: ask_examination())
    return see_other(request, reverse("console:doctor"))


def _by_severity(findings: Iterable[HostFinding]) -> list[tuple[str, object, list[HostFinding]]]:
    groups: dict[str, list[HostFinding]] = {severity: [] for severity in TITLES}
    for finding in findings:
        groups[finding.severity].append(finding)
    return [(kind, TITLES[Severity(kind)], rows) for kind, rows in groups.items() if rows]
