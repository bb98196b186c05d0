"""Whether the database goes on from what the host was made from, or another one was put back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, Subquery

from qmailpanel.ledger.models import Change, Hold, LedgerHead
from qmailpanel.qmail.plan.questions import LedgerEnd, Question, ask_about_ledger
from qmailpanel.qmail.plan.state import Applied, Wanted

from .models import Errand, SyncQuestion
from .ready import Given, Rows, ready


class LedgerSeen(NamedTuple):
    """`end`: its newest change. `known`: those the host was made from; `left`: the newest of them
    that it lacks. `through`: changes after that one wait for the operator; None: none do.
    `has_answers`: the operator said yes to a question. `has_errands`: somebody waits for an answer.
    """

    end: LedgerEnd
    known: Collection[LedgerEnd]
    left: LedgerEnd | None = None
    through: int | None = None
    has_answers: bool = False
    has_errands: bool = False


def read_ledger(known: Collection[LedgerEnd]) -> LedgerSeen:
    """To be read before any row: rows may be newer, never older.

    `known`: the changes the host was made from.
    """
    ends = [one for one in known if one.change]
    heads = _heads(settings.QMAILPANEL_NODE, [[one.change, one.digest] for one in ends])
    if not heads:
        return LedgerSeen(LedgerEnd(0, ""), known, max(ends, default=None))
    [head] = heads
    end = LedgerEnd(head["last"], head["digest"])
    lacking = [one for at, one in enumerate(ends) if one != end and not head[f"has_{at}"]]
    said = (head[name] for name in ("through", "answers", "errands"))
    return LedgerSeen(end, known, max(lacking, default=None), *said)


@ready
def _heads(node: Given, ends: Sequence[tuple[Given, Given]]) -> Rows:
    """The only one. That very change alone is asked for: then all before it are the same too."""
    answers = SyncQuestion.objects.filter(node=node, answer__isnull=False)
    errands = Errand.objects.filter(node=node, begun__isnull=True)
    has = {
        f"has_{at}": Exists(Change.objects.filter(id=change, digest=digest))
        for at, (change, digest) in enumerate(ends)
    }
    has |= {"answers": Exists(answers), "errands": Exists(errands)}
    held_after = Subquery(Hold.objects.filter(on=True).values("through")[:1])
    heads: Rows = LedgerHead.objects.annotate(through=held_after, **has)
    return heads.order_by("id").values("last", "digest", "through", *has)[:1]


def find_question(
    left: LedgerEnd | None, end: LedgerEnd, wanted: Sequence[Wanted], applied: Applied
) -> Question | None:
    """What the operator must say yes to before anything of this database is applied."""
    return ask_about_ledger(left, end, wanted, applied) if left else None
