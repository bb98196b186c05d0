"""What waits for the operator."""

from __future__ import annotations

from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Change, Hold, LedgerHead, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record


def find_hold() -> Hold:
    """Whether changes wait, and after which one."""
    return Hold.objects.first() or Hold()


@ledger_locked()
def switch_hold(actor: Actor, *, on: bool) -> None:
    """On: changes from now on wait for `apply_changes`. Off: all that waited is applied."""
    hold = find_hold()
    if hold.on == on:
        return
    verb = Verb.SWITCHED_ON if on else Verb.SWITCHED_OFF
    hold.on, hold.through = on, record(actor, verb, Noun.CONFIRMING, "").pk
    hold.save()


@ledger_locked()
def apply_changes(actor: Actor, through: int) -> None:
    """Let sync apply what was done up to that change; later changes wait on."""
    hold = find_hold()
    through = min(through, LedgerHead.objects.get().last)
    if not hold.on or through <= hold.through:
        return
    waited = Change.objects.filter(id__gt=hold.through, id__lte=through, domain__isnull=False)
    after = {"changes": waited.count()}
    record(actor, Verb.APPLIED, Noun.CHANGES, f"{hold.through + 1}–{through}", after=after)
    hold.through = through
    hold.save(update_fields=["through"])
