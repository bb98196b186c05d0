"""What the operator answers to the sync service, and asks of it."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.ledger.trigger import pull
from qmailpanel.qmail.names import MailAddress

from .models import Errand, Examination, SyncQuestion

WAITING = 5  # errands of one person


@ledger_locked()
def answer_question(actor: Actor, question: SyncQuestion) -> SyncQuestion:
    """Yes, apply that plan and no other; saying it twice changes nothing."""
    question.refresh_from_db()
    if question.answer_id is None:
        question.answer = record(actor, Verb.CONFIRMED, Noun.HOST, question.digest)
        question.save(update_fields=["answer"])
    return question


@transaction.atomic
def ask_route(person: User, address: MailAddress) -> Errand:
    """Have sync read from the files where mail to it goes. It changes nothing, as below.

    Of one person a few wait at most: whoever asks for more gets no answer to the first.
    """
    waiting = Errand.objects.for_user(person).filter(begun=None).order_by("-id")
    too_many = waiting.values_list("pk", flat=True)[WAITING - 1 : 2 * WAITING]
    Errand.objects.filter(pk__in=list(too_many)).delete()
    errand = Errand.objects.create(
        node=settings.QMAILPANEL_NODE, person=person.pk, about=address, asked=timezone.now()
    )
    transaction.on_commit(pull)
    return errand


@transaction.atomic
def ask_examination() -> None:
    """Let the doctor examine the host at once. It changes nothing, so the ledger has no line."""
    Examination.objects.update_or_create(
        node=settings.QMAILPANEL_NODE, defaults={"asked": timezone.now()}
    )
    transaction.on_commit(pull)
