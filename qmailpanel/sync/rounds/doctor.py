"""The doctor beside the sync service: it examines a little at a time, and publishes it all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from qmailpanel.qmail.doctor import Finding, Severity
from qmailpanel.qmail.host.examine_homes import examine_homes_of
from qmailpanel.qmail.host.examine_shared import examine_shared_of, stamp_of_files
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import SyncNode
from qmailpanel.sync.models import Examination, HostFinding

from .every import Every
from .scrub import SCRUB_SECONDS

HOMES_SECONDS = 3600.0  # a round costs some ten system calls for every home
SHOWN = 500
ORDER = {severity: rank for rank, severity in enumerate(Severity)}


class DoctorRounds:
    """Examines the shared files with each scrub, and once an hour the homes below the mail root.

    Both wait for the scrub, which mends much of what they would find. Homes elsewhere are for the
    command: the service may be kept from them.
    """

    def __init__(self, layout: Layout, *, behind: Every) -> None:
        self.layout = layout
        self.shared = Every(SCRUB_SECONDS, self._examine_shared, behind=behind)
        self.homes = Every(HOMES_SECONDS, self._examine_homes, behind=behind)
        self.rounds = (Every(0, self._watch_files), self.shared, self.homes)
        self._in_shared: list[Finding] | None = None
        self._in_homes: list[Finding] | None = None
        self._stamp: object = None  # as they were at the start of the last round
        self._asked: datetime | None = None  # when somebody last wanted the host examined
        self._answers: dict[str, datetime | None] = {}  # of each kind of round, what it was for

    def has_news(self) -> bool:
        """Whether somebody touched a file that only the doctor reads since the last round."""
        return self._stamp is not None and stamp_of_files(self.layout) != self._stamp

    def _watch_files(self) -> None:
        asked = _find_asked()
        if asked and asked != self._asked:
            self._asked = asked
            self.homes.hurry()
            self.shared.hurry()
        elif self.has_news():
            self.shared.hurry()

    def _examine_shared(self) -> Round[None]:
        self._stamp, asked = stamp_of_files(self.layout), self._asked
        self._in_shared = yield from examine_shared_of(self.layout)
        self._answers["shared"] = asked
        self._publish()

    def _examine_homes(self) -> Round[None]:
        asked = self._asked
        self._in_homes = yield from examine_homes_of(self.layout, everywhere=False)
        self._answers["homes"] = asked
        self._publish()

    def _publish(self) -> None:
        """All there is, once both were examined."""
        if self._in_shared is not None and self._in_homes is not None:
            publish_findings([*self._in_shared, *self._in_homes])
            both_answer = set(self._answers.values()) == {self._asked}
            _publish_examination(self._asked if both_answer else None)


def _find_asked() -> datetime | None:
    here = Examination.objects.filter(node=settings.QMAILPANEL_NODE)
    return here.values_list("asked", flat=True).first()


def _publish_examination(answered: datetime | None) -> None:
    """It is done; also what somebody wanted at the time `answered`, unless he asked again."""
    node = settings.QMAILPANEL_NODE
    Examination.objects.update_or_create(node=node, defaults={"at": timezone.now()})
    if answered:
        Examination.objects.filter(node=node, asked=answered).update(asked=None)


def publish_findings(findings: Sequence[Finding]) -> None:
    """The worst first. A finding that goes on keeps its row, and so since when it is one."""
    node = settings.QMAILPANEL_NODE
    worst = sorted(findings, key=lambda finding: ORDER[finding.trap.severity])[:SHOWN]
    rows = [_row_of(node, finding) for finding in worst]
    with transaction.atomic():
        old = {_content_of(row): row for row in HostFinding.objects.filter(node=node)}
        new = {_content_of(row): row for row in rows}
        gone = [row.pk for key, row in old.items() if key not in new]
        HostFinding.objects.filter(pk__in=gone).delete()
        for key, row in new.items():
            _write_finding(row, old.get(key))
        alarms = sum(row.severity == Severity.ALARM for row in rows)
        counts = {"alarms": alarms, "findings": len(rows)}
        SyncNode.objects.update_or_create(node=node, defaults=counts)


def _write_finding(row: HostFinding, old: HostFinding | None) -> None:
    if old is None:
        row.since = timezone.now()
        row.save()
    elif (old.count, old.also) != (row.count, row.also):
        old.count, old.also = row.count, row.also
        old.save(update_fields=["count", "also"])


def _row_of(node: str, finding: Finding) -> HostFinding:
    return HostFinding(
        node=node,
        severity=finding.trap.severity,
        file=finding.file[:1024],
        number=finding.number,
        meaning=finding.trap.meaning,
        remedy=finding.trap.remedy,
        params=dict(finding.params),
        count=finding.count,
        also=list(finding.also),
    )


def _content_of(row: HostFinding) -> tuple[object, ...]:
    params = tuple(sorted(row.params.items()))
    return row.severity, row.file, row.number, row.meaning, row.remedy, params
