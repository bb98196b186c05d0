"""What a run would do: its plan, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.plan.order import Plan, make_plan
from qmailpanel.qmail.plan.questions import LedgerEnd
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import Failed

from .ahead import Ahead
from .host_notes import HostNotes
from .intended import read_intended
from .parts import NOTHING, Parts
from .publish import confirmed_digests
from .recall import recall
from .report import Report
from .same_ledger import find_question, read_ledger
from .scope import Scope, dirty_domains
from .wanted import read_wanted


class Preview:
    """Plans that are shown or compared, and not carried out."""

    def __init__(self, host: Host, notes: HostNotes, ahead: Ahead) -> None:
        self.host = host
        self.notes = notes
        self.ahead = ahead

    def of(self, domains: Sequence[int], *, given: Parts = NOTHING, absent: bool = False) -> Plan:
        """The plan for these domains, and the `given` of others."""
        ledger, scope = read_ledger(self.host.read_ends()), Scope(domains, given=given)
        intended = read_intended(self.host, lambda: scope, ledger.through, absent=absent)
        wanted = self.ahead.as_found(intended.wanted)
        applied = self.host.memory.applied_of(wanted)
        question = find_question(ledger.left, ledger.end, wanted, applied)
        if question and question.digest not in confirmed_digests():
            return Plan((), question=question)
        return self.plan(wanted, confirmed_digests(), ledger.left, whole=absent)

    def plan(
        self,
        wanted: Sequence[Wanted],
        confirmed: frozenset[str],
        left: LedgerEnd | None,
        *,
        whole: bool = False,
    ) -> Plan:
        """With what a memory of another moment would learn. `left`: see LedgerSeen.

        Of a domain with directories to move only the moves are known before they are done.
        """
        doubts: Failed = {}
        host, notes = self.host, self.notes
        if host.is_forgetful() or left:
            notes.observe([], {})  # what others have there is told as the memory knows it
            host = host.imagine()
            notes, doubts = HostNotes(host), recall(host, wanted)
        applied = host.memory.applied_of(wanted)
        moves = host.moves.find_all(wanted, applied, doubts)
        in_place = [one for one in wanted if one.name not in moves]
        actual = notes.observe(in_place, applied, whole=whole)
        plan = make_plan(in_place, applied, actual, doubts, confirmed)
        return replace(plan, steps=(*chain.from_iterable(moves.values()), *plan.steps))

    def look_ahead(self, report: Report, through: int | None) -> None:
        """What applying the changes after `through`, which wait, would do; None: none wait."""
        if report.error or report.question:
            return
        if through is None:
            report.holding = 0
            return
        layout, memory = self.host.layout, self.host.memory
        waiting = read_wanted(lambda: Scope(dirty_domains(through)), layout, memory)
        left = read_ledger(self.host.read_ends()).left
        report.waiting = self.plan(waiting.wanted, confirmed_digests(), left).steps
        report.holding = len(waiting.changes)
