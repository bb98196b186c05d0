"""The doctor beside the sync service: it looks a little at a time, and publishes what it found."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from qmailpanel.qmail.doctor import Finding, Severity
from qmailpanel.qmail.host.doctor import examine_homes_of, examine_shared_of, glance
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.reports.models import SyncNode
from qmailpanel.sync.models import HostFinding

HOMES_SECONDS = 3600.0  # each look costs some ten system calls for every home
SHOWN = 500
ORDER = {severity: place for place, severity in enumerate(Severity)}


class Rounds:
    """Looks at the shared files when it is asked to, and at the mail root once an hour.

    Homes elsewhere are for the command: the service may be kept from them.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._homes: list[Finding] = []
        self._homes_at = 0.0
        self._glanced: object = None

    def has_news(self) -> bool:
        """Whether somebody touched a file that only the doctor reads since the last round."""
        return self._glanced is not None and glance(self.layout) != self._glanced

    def go(self) -> Iterator[bool]:
        """A round, with True at each breath; what it found is published at its end."""
        self._glanced = glance(self.layout)
        shared: list[Finding] = []
        yield from _gather(examine_shared_of(self.layout), shared)
        if time.monotonic() >= self._homes_at:
            homes: list[Finding] = []
            yield from _gather(examine_homes_of(self.layout, everywhere=False), homes)
            self._homes, self._homes_at = homes, time.monotonic() + HOMES_SECONDS
        publish_findings([*shared, *self._homes])


def _gather(found: Iterable[Finding | None], into: list[Finding]) -> Iterator[bool]:
    for finding in found:
        if finding is None:
            yield True
        else:
            into.append(finding)


def publish_findings(found: Sequence[Finding]) -> None:
    """The worst first. A finding that goes on keeps its row, and so since when it is one."""
    node, now = settings.QMAILPANEL_NODE, timezone.now()
    worst = sorted(found, key=lambda finding: ORDER[finding.trap.severity])[:SHOWN]
    rows = [_row(node, finding) for finding in worst]
    with transaction.atomic():
        old = {_content(row): row.pk for row in HostFinding.objects.filter(node=node)}
        new = {_content(row): row for row in rows}
        gone = [pk for key, pk in old.items() if key not in new]
        HostFinding.objects.filter(pk__in=gone).delete()
        for key, row in new.items():
            row.since = now
            if key not in old:
                row.save()
        alarms = sum(row.severity == Severity.ALARM for row in rows)
        SyncNode.objects.update_or_create(node=node, defaults={"alarms": alarms})


def _row(node: str, finding: Finding) -> HostFinding:
    return HostFinding(
        node=node,
        severity=finding.trap.severity,
        file=finding.file[:1024],
        number=finding.number,
        meaning=finding.trap.meaning,
        remedy=finding.trap.remedy,
        params=dict(finding.params),
    )


def _content(row: HostFinding) -> tuple[object, ...]:
    params = tuple(sorted(row.params.items()))
    return row.severity, row.file, row.number, row.meaning, row.remedy, params
