"""The services of the operator's pages, and how Activity tells what they did."""

from __future__ import annotations

from qmailpanel.aliases import services as aliases
from qmailpanel.console import decisions, going_back
from qmailpanel.console import services as console
from qmailpanel.console.offers import Offer
from qmailpanel.domains import services as domains
from qmailpanel.ledger.models import LedgerHead
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.plan.drift import Side
from qmailpanel.sync.models import DriftDecision
from qmailpanel.sync.services import answer_question
from tests.kit.every_service.world import (
    case,
)

CONSOLE = [
    case(
        answer_question,
        lambda w: answer_question(w.by, w.question),
        "root@example.org said yes to the plan that waited for an answer",
    ),
    case(
        console.switch_hold,
        lambda w: console.switch_hold(w.by, on=True),
        "root@example.org let changes wait from now on",
    ),
    case(
        console.switch_hold,
        lambda w: console.switch_hold(w.by, on=False),
        "root@example.org let changes be applied at once again",
        before=lambda w: console.switch_hold(w.by, on=True),
    ),
    case(
        console.apply_changes,
        lambda w: console.apply_changes(w.by, LedgerHead.objects.get().last),
        "root@example.org applied the changes 10–10; Changes: → 1",
        before=lambda w: (
            console.switch_hold(w.by, on=True),
            domains.switch_domain(w.by, w.domain, on=False),
        ),
    ),
    case(
        decisions.put_ours_back,
        lambda w: decisions.put_ours_back(w.by, w.drift),
        "root@example.org put the panel's version back into control/virtualdomains pandle.net",
    ),
    case(
        decisions.take_theirs,
        lambda w: decisions.take_theirs(w.by, w.drift),
        "root@example.org kept control/virtualdomains pandle.net as it is on the host",
    ),
    case(
        decisions.adopt_mailbox,
        lambda w: decisions.adopt_mailbox(w.by, w.domain, LocalPart("joe")),
        "root@example.org added the mailbox joe@pandle.net",
    ),
    case(
        decisions.decide_all,
        lambda w: decisions.decide_all(w.by, [w.drift], Side.OURS),
        "root@example.org put the panel's version back into control/virtualdomains pandle.net",
    ),
    case(
        decisions.no_longer_leave,
        lambda w: decisions.no_longer_leave(w.by, DriftDecision.objects.get()),
        "root@example.org put the panel's version back into control/virtualdomains pandle.net",
        before=lambda w: decisions.take_theirs(w.by, w.drift),
    ),
    case(
        going_back.go_back,
        lambda w: going_back.go_back(
            w.by,
            going_back.WayBack(
                [Offer("", {}, lambda by: aliases.switch_alias(by, w.alias, on=False))],
                [],
            ),
        ),
        "root@example.org switched off the alias info@pandle.net",
    ),
]
