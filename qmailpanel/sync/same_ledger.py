"""Whether the database goes on from what the host was made from, or another one was put back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, QuerySet, Subquery

from qmailpanel.ledger.models import Change, Hold, LedgerHead
from qmailpanel.qmail.plan.questions import LedgerEnd, Question, ask_about_ledger
from qmailpanel.qmail.plan.state import Applied, Wanted

from .models import SyncQuestion


class LedgerSeen(NamedTuple):
    """`end`: its newest change. `left`: the newest of those the host was made from that it lacks.
    `through`: changes after that one wait for the operator; None: none do. `has_answers`: the
    operator said yes to a question.
    """

    end: LedgerEnd
    left: LedgerEnd | None = None
    through: int | None = None
    has_answers: bool = False


def read_ledger(known: Collection[LedgerEnd]) -> LedgerSeen:
    """To be read before any row: rows may be newer, never older.

    `known`: the changes the host was made from.
    """
    ends = {f"has_{number}": one for number, one in enumerate(known) if one.change}
    has = {name: Exists(_this_very(one)) for name, one in ends.items()}
    head = LedgerHead.objects.annotate(through=_held_after(), answers=_answers(), **has).first()
    if head is None:
        return LedgerSeen(LedgerEnd(0, ""), max(ends.values(), default=None))
    end, seen = LedgerEnd(head.last, head.digest), vars(head)
    lacking = [one for name, one in ends.items() if one != end and not seen[name]]
    return LedgerSeen(end, max(lacking, default=None), seen["through"], seen["answers"])


def _this_very(end: LedgerEnd) -> QuerySet[Change]:
    """It alone: then all before it are the same too."""
    return Change.objects.filter(id=end.change, digest=end.digest)


def _held_after() -> Subquery:
    return Subquery(Hold.objects.filter(on=True).values("through")[:1])


def _answers() -> Exists:
    here = SyncQuestion.objects.filter(node=settings.QMAILPANEL_NODE)
    return Exists(here.filter(answer__isnull=False))


def find_question(
    left: LedgerEnd | None, end: LedgerEnd, wanted: Sequence[Wanted], applied: Applied
) -> Question | None:
    """What the operator must say yes to before anything of this database is applied."""
    return ask_about_ledger(left, end, wanted, applied) if left else None
