"""Whether the database goes on from what the host was made from, or another one was put back."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qmailpanel.ledger.models import LedgerHead
from qmailpanel.ledger.services import has_change
from qmailpanel.qmail.plan.questions import LedgerEnd, Question, ask_about_ledger
from qmailpanel.qmail.plan.state import Applied, Wanted


def read_end() -> LedgerEnd:
    """To be read before any row: rows may be newer, never older."""
    head = LedgerHead.objects.first() or LedgerHead()
    return LedgerEnd(head.last, head.digest)


def find_left(known: Collection[LedgerEnd], end: LedgerEnd) -> LedgerEnd | None:
    """The newest change of those the host was made from that the ledger up to `end` lacks."""
    lacking = [one for one in known if one.change and one != end and not has_change(*one)]
    return max(lacking, default=None)


def find_question(
    left: LedgerEnd | None, end: LedgerEnd, wanted: Sequence[Wanted], applied: Applied
) -> Question | None:
    """What the operator must say yes to before anything of this database is applied."""
    return ask_about_ledger(left, end, wanted, applied) if left else None
