"""Whether the database goes on from what the host was made from, or another one was put back."""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.ledger.models import LedgerHead
from qmailpanel.ledger.services import has_change
from qmailpanel.qmail.plan.questions import LedgerEnd, Question, ask_about_ledger
from qmailpanel.qmail.plan.state import Applied, Wanted


def read_end() -> LedgerEnd:
    """To be read before any row: rows may be newer, never older."""
    head = LedgerHead.objects.first() or LedgerHead()
    return LedgerEnd(head.last, head.digest)


def is_left(known: LedgerEnd | None, end: LedgerEnd) -> bool:
    """Whether the ledger that ends at `end` lacks the newest change that the host was made from."""
    if known is None or not known.change or known == end:
        return False
    return not has_change(known.change, known.digest)


def find_question(
    known: LedgerEnd | None, end: LedgerEnd, wanted: Sequence[Wanted], applied: Applied
) -> Question | None:
    """What the operator must say yes to before anything of this database is applied."""
    if known is None or not is_left(known, end):
        return None
    return ask_about_ledger(known, end, wanted, applied)
