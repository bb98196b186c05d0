"""What the doctor found on this host."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.frame import notices
from qmailpanel.qmail.doctor import Severity
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import HostFinding
from qmailpanel.web.answers import show

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
    context = {**console_context(request, notices(Statuses([]))), "groups": _by_severity(findings)}
    return show(request, "console/doctor.html", context)


def _by_severity(findings: Iterable[HostFinding]) -> list[tuple[str, object, list[HostFinding]]]:
    groups: dict[str, list[HostFinding]] = {severity: [] for severity in TITLES}
    for finding in findings:
        groups[finding.severity].append(finding)
    return [(kind, TITLES[Severity(kind)], rows) for kind, rows in groups.items() if rows]
