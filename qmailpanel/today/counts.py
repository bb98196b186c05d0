"""The numbers in the rail: of each page how much needs a person. One query on every page."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.fullness import nearly_full_begins
from qmailpanel.domains.models import Address, Grant
from qmailpanel.people.models import NameRequest, Outcome
from qmailpanel.reports.models import Nowhere, SyncNode, SyncProblem, Usage
from qmailpanel.reports.node import HEARTBEAT
from qmailpanel.sync.models import HostFinding, SyncDrift, SyncQuestion

from .of_host import HARMFUL


class Counts(NamedTuple):
    """`today`: lines of that page. `people`: names asked for. `sync`: what is to be decided."""

    today: int = 0
    people: int = 0
    sync: int = 0


def counts_for(user: User) -> Counts:
    """Of an operator, or of who looks after domains."""
    kinds = _of_host(user) if user.is_operator else _of_domains(user)
    found = User.objects.filter(pk=user.pk).annotate(**kinds).values(*kinds).first() or {}
    parts = ("findings", "drifts", "questions")
    return Counts(
        today=sum(map(bool, found.values())),
        people=found.get("asked", 0),
        sync=sum(found.get(part, 0) for part in parts),
    )


def _of_host(user: User) -> dict[str, Any]:
    node = SyncNode.objects.filter(node=settings.QMAILPANEL_NODE)
    beating = node.filter(heartbeat__gt=timezone.now() - HEARTBEAT)
    asked = NameRequest.objects.for_user(user).filter(outcome=Outcome.OPEN)
    findings = HostFinding.objects.for_user(user).filter(severity__in=HARMFUL)
    questions = SyncQuestion.objects.for_user(user).filter(answer=None)
    return {
        "down": ~Exists(beating),
        "held": Exists(node.filter(holding__gt=0)),
        "problems": Exists(SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE)),
        "nowhere": Exists(Nowhere.objects.filter(node=settings.QMAILPANEL_NODE)),
        "full": Exists(_nearly_full()),
        "findings": _number(findings),
        "drifts": _number(SyncDrift.objects.for_user(user).undecided()),
        "questions": _number(questions),
        "asked": _number(asked),
    }


def _of_domains(user: User) -> dict[str, Any]:
    """From each domain of the person to its own rows, over their indexes."""
    here = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE)
    mine = Grant.objects.filter(user=user.pk)
    theirs = Exists(here.filter(domain=OuterRef("domain")))
    lost = Nowhere.objects.filter(node=settings.QMAILPANEL_NODE, hidden=False)
    return {
        "problems": Q(Exists(mine.filter(theirs))) | Q(Exists(here.filter(domain=None))),
        "nowhere": Exists(mine.filter(Exists(lost.filter(domain=OuterRef("domain"))))),
        "full": Exists(mine.filter(Exists(_nearly_full().filter(domain=OuterRef("domain"))))),
    }


def _nearly_full() -> QuerySet[Usage]:
    there = Address.objects.filter(pk=OuterRef("address"), removed=False)
    here = Usage.objects.filter(node=settings.QMAILPANEL_NODE)
    return here.filter(Exists(there), percent__gte=nearly_full_begins())


def _number(rows: QuerySet[Any]) -> Coalesce:
    """How many there are, as a column; `node` or `outcome` is the same of all."""
    counted = rows.order_by().annotate(one=F("pk") * 0).values("one").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)
