"""The sync service: makes the mail host as the database wants it."""

from __future__ import annotations

import logging
import signal
import sys
import time
from itertools import chain
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from qmailpanel.environment.installed import command_name
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.models import LedgerHead
from qmailpanel.qmail.host.errors import Busy, HostError
from qmailpanel.qmail.pause import finish
from qmailpanel.qmail.plan.steps import describe
from qmailpanel.sync.models import SyncQuestion
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.rounds.due import purge_when_due, turn_replies_when_due
from qmailpanel.sync.rounds.leaving import end_leaving
from qmailpanel.sync.rounds.nowhere import look_at_all
from qmailpanel.sync.scope import all_domains, dirty_domains
from qmailpanel.sync.service import Service
from qmailpanel.sync.services import answer_question
from qmailpanel.sync.surveys import note_read_back
from qmailpanel.sync.waiting import wait_for_tables


class Command(BaseCommand):
    help = "Makes the mail host as the database wants it, and goes on doing so."

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--once",
            action="store_true",
            help="make it so now, then end; from a timer at least every few hours",
        )
        how.add_argument("--dry-run", action="store_true", help="print what would be done")
        how.add_argument(
            "--answer", choices=["yes", "no"], help="to the question that waits for the operator"
        )

    def handle(self, *, once: bool, dry_run: bool, answer: str | None, **_options: Any) -> None:
        logging.getLogger("qmailpanel.sync").setLevel(logging.INFO)
        try:
            if dry_run:
                self._print_plan()
            elif once:
                self._make_true_once()
            elif answer:
                self._answer(is_yes=answer == "yes")
            else:
                self._serve()
        except (Busy, HostError) as error:
            raise CommandError(f"{error.text} ({error.cause})") from error

    def _print_plan(self) -> None:
        plan = Reconciler(open_host()).preview.of(all_domains(), absent=True)
        for step in plan.steps:
            self.stdout.write(describe(step))
        if plan.question:
            self.stderr.write(f"This waits for the operator's yes: {plan.question.text}")
        for name, problems in plan.problems.items():
            for problem in problems:
                self.stderr.write(f"{name}: {problem.cause or problem.text}")

    def _make_true_once(self) -> None:
        reconciler = Reconciler(open_host())
        turn_replies_when_due()
        for _piece in purge_when_due():
            pass
        report = _reconcile_all(reconciler)
        through = _newest_change()
        end_leaving(reconciler)  # it asks what was seen of the host
        if report.unseen or _newest_change() != through:
            time.sleep(max(0.0, max(report.unseen.values(), default=0.0) - time.monotonic()))
            report = _reconcile_all(reconciler)  # it shall be live when the command ends
        if not report.error:
            note_read_back()
        finish(look_at_all())
        for line in _describe_troubles(report):
            self.stderr.write(line)
        if report.error or report.question:
            sys.exit(1)

    def _answer(self, *, is_yes: bool) -> None:
        """No leaves everything as it is: until the yes nothing of it is applied."""
        open_questions = SyncQuestion.objects.filter(node=settings.QMAILPANEL_NODE, answer=None)
        question = open_questions.order_by("asked").first()
        if question is None:
            raise CommandError(_("Nothing waits for an answer."))
        self.stdout.write(question.text)
        if not is_yes:
            self.stdout.write(_("Nothing of it is done. Put the newest database back."))
            return
        answer_question(COMMAND, question)
        by = {"command": command_name()}
        self.stdout.write(_("It is done by the service, or by %(command)s qmailsync --once.") % by)

    def _serve(self) -> None:
        wait_for_tables()
        service = Service(open_host())

        def stop(_signal: int, _frame: FrameType | None) -> None:
            service.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda *_: None)  # caught: the HUP command would inherit IGN
        service.run()


def _newest_change() -> int:
    return LedgerHead.objects.values_list("last", flat=True).first() or 0


def _reconcile_all(reconciler: Reconciler) -> Report:
    return reconciler.reconcile(sorted({*all_domains(), *dirty_domains(0)}), absent=True)


def _describe_troubles(report: Report) -> list[str]:
    problems = chain.from_iterable(report.problems.values())
    lines = [f"{problem.text} ({problem.cause})" for problem in problems]
    if report.question:
        lines.append(f"This waits for the operator's yes: {report.question.text}")
    if report.error:
        lines.append(f"{report.error} ({report.cause})")
    return lines
