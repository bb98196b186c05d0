"""What the operator answers to the sync service."""

from __future__ import annotations

from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record

from .models import SyncQuestion


@ledger_locked()
def answer_question(actor: Actor, question: SyncQuestion) -> SyncQuestion:
    """Yes, apply that plan and no other; saying it twice changes nothing."""
    question.refresh_from_db()
    if question.answer_id is None:
        question.answer = record(actor, Verb.CONFIRMED, Noun.HOST, question.digest)
        question.save(update_fields=["answer"])
    return question
