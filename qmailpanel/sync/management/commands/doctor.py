"""Everything that is wrong with the mail host, with file, line and remedy."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qmailpanel.qmail.doctor import Finding, Severity
from qmailpanel.qmail.host.examine_homes import examine_homes_of
from qmailpanel.qmail.host.examine_shared import examine_shared_of
from qmailpanel.qmail.pause import finish
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.models import advise

WORDS = {
    Severity.ALARM: gettext_noop("alarm"),
    Severity.TROUBLE: gettext_noop("trouble"),
    Severity.NOTE: gettext_noop("note"),
}


class Command(BaseCommand):
    help = (
        "Looks at the mail host for what makes qmail lose, refuse or delay mail, and says file, "
        "line and remedy. It changes nothing, and needs no running service. "
        "Exit 0: nothing found; 1: there are findings."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="tell each of many equal findings")

    def handle(self, *, all: bool, **_options: Any) -> None:  # noqa: A002 - the option's name
        files: dict[str, list[Finding]] = defaultdict(list)
        for finding in _examine(whole=all):
            files[finding.file].append(finding)
        for file, findings in files.items():
            self.stdout.write(self.style.MIGRATE_HEADING(file))
            for finding in sorted(findings, key=lambda one: one.number or 0):
                self._write_finding(finding)
        if files:
            sys.exit(1)
        self.stdout.write(_("Nothing was found."))

    def _write_finding(self, finding: Finding) -> None:
        trap, params = finding.trap, finding.params
        line = "" if finding.number is None else _("line %(number)d: ") % {"number": finding.number}
        self.stdout.write(f"  {_(WORDS[trap.severity])}: {line}{_(trap.meaning) % params}")
        if finding.also:
            words = {"count": finding.count, "places": ", ".join(finding.also)}
            self.stdout.write("      " + _("%(count)d times, next at %(places)s") % words)
        self.stdout.write(f"      {advise(trap.remedy, params)}")


def _examine(*, whole: bool) -> list[Finding]:
    layout = read_layout()
    in_shared = finish(examine_shared_of(layout, whole=whole))
    return in_shared + finish(examine_homes_of(layout, whole=whole))
