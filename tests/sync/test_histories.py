"""Whatever people do, and others with them: a look at a part leaves nothing amiss elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from qmailpanel.console.decisions import put_ours_back
from qmailpanel.domains.models import Destination, Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import AutoReply
from qmailpanel.qmail.formats.shared_files import Shared, key_of
from qmailpanel.qmail.plan.order import Plan
from qmailpanel.qmail.plan.parts import is_in, local_of, local_of_key, local_of_path
from qmailpanel.qmail.plan.state import Section
from qmailpanel.qmail.plan.steps import LoginStep, PathStep, Step, WriteShared
from qmailpanel.reports.models import SyncProblem
from qmailpanel.sync.models import SyncDrift
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains
from tests.kit.changes import Changes
from tests.kit.hand import Hand, Touched
from tests.kit.life import ALSO, LOCALS, NAMES, Life
from tests.kit.panels import Panel

HISTORIES = int(os.environ.get("TEST_HISTORIES") or 4)
FIRST = int(os.environ.get("TEST_SEED") or 0)
LAYOUTS = ("none", "validrcptto", "morevalidrcptto")


@pytest.fixture(params=range(FIRST, FIRST + HISTORIES))
def life(panel: Panel, settings: Any, monkeypatch: Any, request: Any) -> Life:
    """Each on a host of another kind, which can answer mail."""
    number = request.param
    settings.QMAILPANEL_RECIPIENTS = LAYOUTS[number % len(LAYOUTS)]
    settings.QMAILPANEL_RCPTHOSTS = number % 2
    if number % 4 == 1:
        panel.have_shards("pandle.net")
    if number % 4 == 2:
        monkeypatch.setattr("qmailpanel.qmail.formats.logins.MOST", 5)
    program = panel.home / "bin/qmail-inject"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return Life(panel, number)


def test_after_any_history_of_changes_there_is_nothing_for_a_scrub_to_find(life, settings) -> None:
    if not settings.QMAILPANEL_RCPTHOSTS:  # else a scrub brings others into another file
        life.whole_domains()
    changes = Changes()
    for _ in range(12):
        act(life)
        report = changes.make_true()
        assert not any(report.problems.values()), report.problems
        assert not any(report.drifts.values()), report.drifts
        assert_nothing_amiss()


def test_nor_where_new_mailboxes_do_not_wait_for_the_map(life, settings, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.sync.ahead.LARGE", 0)
    if not settings.QMAILPANEL_RCPTHOSTS:
        life.whole_domains()
    changes = Changes()
    changes.go_ahead()
    for number in range(24):
        life.act()
        report = changes.make_true()
        assert not any(report.problems.values()), report.problems
        assert not any(report.drifts.values()), report.drifts
        assert plan_of_all(changes.reconciler).steps == ()
        for _ in range(number % 3):
            changes.follow()
        if number % 3 == 2:
            assert_nothing_amiss()


def act(life: Life) -> None:
    for _ in range(life.random.randint(1, 3)):
        life.act()


def assert_nothing_amiss() -> None:
    """On the host, and in what is known of it."""
    reconciler = Reconciler(open_host())
    plan = plan_of_all(reconciler)
    assert (plan.steps, plan.drifts, plan.problems, plan.question) == ((), {}, {}, None)
    for name, section in plan.after.items():
        known = reconciler.host.memory.sections([name])[name]
        assert [content_of(one) for one in known] in ([content_of(section)], [])
        assert known or not any(section.lines.values())
    reconciler.host.memory.close()


def plan_of_all(reconciler: Reconciler) -> Plan:
    with reconciler.host.lock():
        return reconciler.preview.of(all_domains(), absent=True)


def content_of(section: Section) -> Any:
    lines = {shared: dict(lines) for shared, lines in section.lines.items() if lines}
    return section.prepend, lines, dict(section.files), dict(section.homes), {*section.logins}


def test_of_any_history_with_others_a_scrub_finds_what_the_others_did(life) -> None:
    changes = Changes()
    touchable = [(name, local) for name in NAMES for local in LOCALS]
    hand = Hand(life.panel, life.random, touchable)
    for number in range(12):
        act(life)
        if number % 3 == 1:
            hand.act()
        failed = SyncProblem.objects.values_list("domain", flat=True) if number % 2 else ()
        before = said()
        report = changes.look_at({domain for domain in failed if domain})
        assert of_others(said(), report) == of_others(before, report)
        reconciler = Reconciler(open_host())
        plan = plan_of_all(reconciler)
        reconciler.host.memory.close()
        if plan.question is None:
            assert_says_the_same(report, plan)
            assert_is_of_the_hand(plan, hand)
    clear_up(life.panel, changes)


def said() -> set[SyncProblem | SyncDrift]:
    return {*SyncProblem.objects.all(), *SyncDrift.objects.all()}


def of_others(rows: set[SyncProblem | SyncDrift], report: Report) -> set[SyncProblem | SyncDrift]:
    """What is said of domains and addresses that were not looked at."""
    return {row for row in rows if not _is_of(row, report)}


def _is_of(row: SyncProblem | SyncDrift, report: Report) -> bool:
    part = report.parts.get(row.domain or 0)
    if part is None:
        return row.domain in report.changes
    if isinstance(row, SyncDrift):
        return is_in(local_of(row.subject), part.locals)
    return row.address is None or row.address in part.addresses


def assert_says_the_same(report: Report, plan: Plan) -> None:
    """Of what was looked at, as a look at everything."""
    for domain in Domain.objects.filter(pk__in=report.changes):
        part = report.parts.get(domain.pk)
        addresses = {None, *part.addresses} if part else None
        locals_ = part.locals if part else None
        said = {
            (row.text, row.cause, row.address)
            for row in SyncProblem.objects.filter(domain=domain.pk)
            if addresses is None or row.address in addresses
        }
        found = {
            (one.text, one.cause, one.address)
            for one in plan.problems.get(domain.name, ())
            if addresses is None or one.address in addresses
        }
        assert said == found
        drifts = SyncDrift.objects.filter(domain=domain.pk)
        subjects = [row.subject for row in drifts]
        others = [drift.subject for drift in plan.drifts.get(domain.name, ())]
        said_of = {one for one in subjects if is_in(local_of(one), locals_)}
        assert said_of == {one for one in others if is_in(local_of(one), locals_)}


def assert_is_of_the_hand(plan: Plan, hand: Hand) -> None:
    touched = {*hand.touched, *find_near(hand.touched)}
    if touched:  # an answer may name an alias that they wrote over
        path = "mailbox__address__domain__name", "mailbox__address__local"
        touched |= {*AutoReply.objects.values_list(*path)}
    prepends = {f"{domain.prepend}": domain.name for domain in Domain.objects.all()}
    for step in plan.steps:
        if isinstance(step, LoginStep):
            assert step.name in hand.opened or hand.touched, step
        assert set(_about(step, prepends)) <= touched, step


def find_near(touched: set[Touched]) -> set[Touched]:
    """What delivers there."""
    targets = {f"{local}@{name}" for name, local in touched}
    targets |= {f"{local}@{ALSO}" for name, local in touched if name == NAMES[0]}
    rows = Destination.objects.filter(target__in=targets)
    return {*rows.values_list("address__domain__name", "address__local")}


def _about(step: Step, prepends: dict[str, str]) -> Iterator[Touched]:
    if isinstance(step, PathStep):
        yield step.path.partition("/")[0], local_of_path(step.path)
    elif isinstance(step, WriteShared) and step.shared is Shared.ASSIGN:
        for line in (*step.added, *step.dropped):
            key = key_of(step.shared, line) or b""
            prepend = key.decode().removeprefix("=").partition("-")[0]
            yield prepends[prepend], local_of_key(step.shared, key)


def clear_up(panel: Panel, changes: Changes) -> None:
    """Ours is put back wherever somebody wrote; then nothing is amiss."""
    panel.sync()
    for drift in SyncDrift.objects.all():
        put_ours_back(SYSTEM, drift)
    changes.make_true()
    panel.sync()
    assert_nothing_amiss()
