"""What the sync service says: written here only, read by every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Subquery
from django.utils import timezone

from qmailpanel.ledger.models import Change
from qmailpanel.qmail.plan.drift import Side, as_text
from qmailpanel.qmail.plan.parts import is_in, local_of
from qmailpanel.qmail.plan.state import Problem
from qmailpanel.qmail.plan.steps import describe
from qmailpanel.reports.models import KnownHost, SyncNode, SyncPosition, SyncProblem

from .models import DriftDecision, SyncDrift, SyncQuestion, SyncRun
from .ready import Given, Row, Rows, ready
from .report import Report

RUNS_KEPT = 50  # and up to so many more as are forgotten at once
FORGOTTEN_EACH = 10  # runs
SHOWN_STEPS = 20_000


def publish(report: Report) -> None:
    """Write a report, in one transaction. Saying the same again writes nothing new."""
    with transaction.atomic():
        node = _read_node()
        _publish_positions(report)
        _publish_problems(report)
        _publish_host_problem(report, has_one=node["failed"])
        is_other = _publish_drifts(report)
        _publish_question(report, is_asking=node["asking"])
        _publish_node(report, node, _count_drifts() if is_other else node["drifts"])
        if report.steps or report.error:
            _publish_run(report)


def _publish_positions(report: Report) -> None:
    node, known = settings.QMAILPANEL_NODE, _known_positions(report)
    rows = []
    for domain, change in report.changes.items():
        old = known.get(domain, SyncPosition(node=node, domain=domain))
        applied = change if domain in report.live else old.applied
        left = _left_now(report, domain, old.left)
        if (old.tried, old.applied, old.left) != (change, applied, left):
            row = SyncPosition(node=node, domain=domain, tried=change, applied=applied, left=left)
            rows.append(row)
    SyncPosition.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["node", "domain"],
        update_fields=["tried", "applied", "left"],
        batch_size=500,
    )


def _known_positions(report: Report) -> dict[int, SyncPosition]:
    """By domain. Of a part the run has read it, and nobody else has written it since."""
    node = settings.QMAILPANEL_NODE
    others = report.changes.keys() - report.parts.keys()
    rows = SyncPosition.objects.filter(node=node, domain__in=others) if others else ()
    read = {domain: part.standing for domain, part in report.parts.items()}
    return {position.domain: position for position in rows} | {
        domain: SyncPosition(
            node=node,
            domain=domain,
            tried=standing.tried or 0,
            applied=standing.applied or 0,
            left=standing.left or [],
        )
        for domain, standing in read.items()
    }


def _left_now(report: Report, domain: int, before: Sequence[int]) -> list[int]:
    part = report.parts.get(domain)
    now = {address or 0 for address in report.left.get(domain, ())}
    return sorted(now | ({*before} - part.addresses - {0} if part else set()))


def _says_of(report: Report, row: SyncProblem) -> bool:
    """Whether the report says what is true of the address, or of what is of none."""
    part = report.parts.get(row.domain or 0)
    return part is None or row.address is None or row.address in part.addresses


def _says_of_subject(report: Report, row: SyncDrift) -> bool:
    part = report.parts.get(row.domain or 0)
    return part is None or is_in(local_of(row.subject), part.locals)


def _publish_problems(report: Report) -> None:
    """A problem that goes on keeps its row, and so the time since when it is one."""
    node, now = settings.QMAILPANEL_NODE, timezone.now()
    about = {pk for pk in report.domains if _may_have(report, pk, "has_problems")}
    old = SyncProblem.objects.filter(node=node, domain__in=about) if about else ()
    before = {
        (row.domain, Problem(row.text, row.cause, row.address, row.name)): row.pk
        for row in old
        if _says_of(report, row)
    }
    after = {(domain, one): None for domain, found in report.problems.items() for one in found}
    gone = [pk for key, pk in before.items() if key not in after]
    if gone:
        SyncProblem.objects.filter(pk__in=gone).delete()
    SyncProblem.objects.bulk_create(
        SyncProblem(node=node, domain=domain, since=now, **asdict(problem))
        for domain, problem in after
        if (domain, problem) not in before
    )


def _may_have(report: Report, domain: int, what: str) -> bool:
    """Whether something may have been said of it before: of a part the run has read that."""
    part = report.parts.get(domain)
    return part is None or getattr(part.standing, what)


def _publish_host_problem(report: Report, *, has_one: bool) -> None:
    if not (has_one or report.error):
        return
    here = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE, domain=None)
    now = {(report.error, report.cause)} if report.error else set()
    if {(row.text, row.cause) for row in here} == now:
        return
    here.delete()
    for text, cause in now:
        SyncProblem.objects.create(
            node=settings.QMAILPANEL_NODE, text=text, cause=cause, since=timezone.now()
        )


def _publish_drifts(report: Report) -> bool:
    """A drift that goes on keeps its row, so that it can be decided on while runs go by.

    Returns whether any came or went.
    """
    node = settings.QMAILPANEL_NODE
    about = {pk for pk in report.domains if _may_have(report, pk, "has_drifts")}
    rows_before = SyncDrift.objects.filter(node=node, domain__in=about) if about else ()
    old = {_content(row): row.pk for row in rows_before if _says_of_subject(report, row)}
    rows = [
        SyncDrift(
            node=node,
            domain=domain,
            **asdict(drift.subject),
            wanted=as_text(drift.wanted),
            applied=as_text(drift.applied),
            actual=as_text(drift.actual),
        )
        for domain, drifts in report.drifts.items()
        for drift in drifts
    ]
    new = {_content(row): row for row in rows}
    gone = [pk for key, pk in old.items() if key not in new]
    if gone:
        SyncDrift.objects.filter(pk__in=gone).delete()
    SyncDrift.objects.bulk_create(row for key, row in new.items() if key not in old)
    _forget_decisions(report)
    return old.keys() != new.keys()


def _content(row: SyncDrift) -> tuple[object, ...]:
    return row.domain, row.subject, row.wanted, row.applied, row.actual


def _forget_decisions(report: Report) -> None:
    """What was put back is as it is wanted; should the same come again, it is drift again."""
    live = report.decided & report.live & report.changes.keys()
    if not live:
        return
    changes = {domain: report.changes[domain] for domain in live}
    done = DriftDecision.objects.filter(side=Side.OURS, domain__in=changes)
    over = [row.pk for row in done if row.change_id <= changes[row.domain_id]]
    if over:
        DriftDecision.objects.filter(pk__in=over).delete()


def _publish_question(report: Report, *, is_asking: bool) -> None:
    """Runs about other domains leave a question, and the yes to it, as it is."""
    question = report.question
    questions = SyncQuestion.objects.filter(node=settings.QMAILPANEL_NODE)
    if question is None:
        if report.answered and is_asking:
            KnownHost.objects.filter(node=settings.QMAILPANEL_NODE).update(asking=False)
            questions.delete()
        return
    KnownHost.objects.update_or_create(node=settings.QMAILPANEL_NODE, defaults={"asking": True})
    questions.exclude(digest=question.digest).delete()
    SyncQuestion.objects.get_or_create(
        node=settings.QMAILPANEL_NODE,
        digest=question.digest,
        defaults={"text": as_text(question.text.encode()), "asked": timezone.now()},
    )


def _publish_node(report: Report, node: Row, drifts: int) -> None:
    text = _shortened("\n".join(describe(step) for step in report.waiting))
    holding = node["holding"] if report.holding is None else report.holding
    new = {"preview": text, "holding": holding, "drifts": drifts, "total": 0}
    if any(node[name] != value for name, value in new.items()):
        SyncNode.objects.filter(pk=settings.QMAILPANEL_NODE).update(**new, done=0)


def _read_node() -> Row:
    rows = _nodes(settings.QMAILPANEL_NODE)
    if not rows:
        SyncNode.objects.create(node=settings.QMAILPANEL_NODE)
        rows = _nodes(settings.QMAILPANEL_NODE)
    return rows[0]


@ready
def _nodes(node: Given) -> Rows:
    """`asking`: whether a question waits; `failed`: the host as a whole did."""
    asking = Exists(KnownHost.objects.filter(node=node, asking=True))
    failed = Exists(SyncProblem.objects.filter(node=node, domain=None))
    nodes = SyncNode.objects.annotate(asking=asking, failed=failed).filter(pk=node)
    return nodes.values("preview", "holding", "drifts", "total", "asking", "failed")


def _count_drifts() -> int:
    return SyncDrift.objects.filter(node=settings.QMAILPANEL_NODE).count()


def publish_progress(report: Report) -> None:
    """How far the plan at work is; `publish` says that it is done."""
    SyncNode.objects.filter(node=settings.QMAILPANEL_NODE).update(
        done=len(report.steps) - report.begun, total=len(report.waiting)
    )


def _publish_run(report: Report) -> None:
    node, now = settings.QMAILPANEL_NODE, timezone.now()
    steps = _shortened("\n".join(report.steps))
    error = f"{report.error}\n{report.cause}" if report.error else ""
    through = max(report.changes.values(), default=0)
    failed = sum(map(len, report.problems.values()))
    here = SyncRun.objects.filter(node=node).order_by("-id")
    last = here.first() if error else None
    if last and (last.through, last.steps, last.error) == (through, steps, error):
        here.filter(pk=last.pk).update(finished=now, tries=last.tries + 1)
        return
    run = SyncRun.objects.create(
        node=node,
        started=report.started,
        finished=now,
        through=through,
        steps=steps,
        error=error,
        failed=failed,
    )
    if run.pk % FORGOTTEN_EACH == 0:
        oldest = here.values("id")[RUNS_KEPT : RUNS_KEPT + 1]
        here.filter(id__lte=Subquery(oldest)).delete()


def confirmed_digests() -> frozenset[str]:
    """The questions the operator said yes to."""
    answered = SyncQuestion.objects.filter(node=settings.QMAILPANEL_NODE, answer__isnull=False)
    return frozenset(answered.values_list("digest", flat=True))


def publish_heartbeat(*, alive: bool) -> None:
    """The sign of life, or its end."""
    SyncNode.objects.update_or_create(
        node=settings.QMAILPANEL_NODE, defaults={"heartbeat": timezone.now() if alive else None}
    )


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_STEPS else f"{text[:SHOWN_STEPS]}\n…"


def newest_change() -> int:
    """The newest change in the ledger."""
    return Change.objects.order_by("-id").values_list("id", flat=True).first() or 0
