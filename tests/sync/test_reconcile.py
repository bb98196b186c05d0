"""Rows become files and say so: the reconciler with its database and a mail host on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone

from qmailpanel.domains.models import Address, Claim, Domain, Unknown
from qmailpanel.domains.services import change_domain, remove_domain, restore_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, switch_mailbox
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.models import RoutedLine, SyncNode, SyncPosition, SyncProblem
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import ForeignLine, SyncDrift, SyncQuestion, SyncRun
from qmailpanel.sync.publish import FORGOTTEN_EACH, RUNS_KEPT, publish
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains
from qmailpanel.sync.service import Service
from qmailpanel.sync.services import answer_question
from tests.kit.panels import Panel, settle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    return panel.add_domain("pandle.net")


# a host where nothing is the panel's yet


def test_the_first_look_changes_no_byte(panel) -> None:
    panel.write("users/assign", b"=7-joe:joe:7:7:/home/joe:::\n")  # without its dot
    panel.write("control/morercpthosts", b"more.test\n")
    panel.write("control/validrcptto", b"joe@old.test\n")
    before = {path: path.read_bytes() for path in panel.home.rglob("*") if path.is_file()}
    assert panel.sync().steps == []
    settle(Service(open_host()))
    assert {path: path.read_bytes() for path in before} == before
    shared = [*panel.home.glob("control/*"), *panel.home.glob("users/*")]
    assert {path.name for path in set(shared) - set(before)} == {".qmailpanel.lock"}


def test_what_is_amiss_is_mended_with_the_first_domain(panel) -> None:
    panel.write("users/assign", b"=7-joe:joe:7:7:/home/joe:::\n")
    domain = panel.add_domain("a.test")
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE
    assert panel.lines("users/assign")[0] == "=7-joe:joe:7:7:/home/joe:::"
    assert panel.answer("=7-joe") is not None


# from pending to live


def test_what_a_person_enters_is_pending_until_it_is_live(panel, pandle) -> None:
    box = panel.add_mailbox(pandle, "biliards")
    alias = panel.add_alias(pandle, "bilardi", "biliards@pandle.net")
    assert {panel.status(row) for row in (box, alias)} == {Status.PENDING}
    panel.sync()
    assert {panel.status(row) for row in (box, alias)} == {Status.LIVE}
    assert panel.status_of_domain(pandle) is Status.LIVE
    home = f"popuser:110:31:{panel.home}/mailnames/pandle.net"
    assert panel.lines("users/assign") == [
        "=7-joe:joe:7:7:/home/joe:::",
        f"+100-:{home}:-::",
        f"=100-bilardi:{home}/biliards:::",
        f"=100-biliards:{home}/biliards:::",
        ".",
    ]
    assert panel.lines("control/virtualdomains") == ["old.test:7", "pandle.net:100"]
    assert panel.lines("control/rcpthosts") == ["old.test", "pandle.net"]


def test_nothing_is_written_where_nothing_is_to_do(panel, pandle) -> None:
    panel.sync()
    before = {path: path.stat().st_mtime_ns for path in panel.home.rglob("*") if path.is_file()}
    runs = SyncRun.objects.count()
    panel.sync()
    after = {path: path.stat().st_mtime_ns for path in panel.home.rglob("*") if path.is_file()}
    mine = {path for path in after if "memory" not in path.parts}
    assert all(after[path] == before.get(path) for path in mine)
    assert SyncRun.objects.count() == runs


def test_a_failure_that_repeats_itself_is_one_run_of_many_tries(panel, pandle) -> None:
    (panel.home / "users/cdb.tmp").mkdir()
    for _ in range(4):
        panel.sync()
    first, again = SyncRun.objects.order_by("id")
    assert "pandle.net" in first.steps
    assert (first.tries, again.tries) == (1, 3)
    assert "users/cdb" in again.error
    (panel.home / "users/cdb.tmp").rmdir()
    panel.sync()
    assert SyncRun.objects.latest("id").error == ""


def test_the_newest_runs_of_a_host_are_kept_and_older_ones_go_a_few_at_once(panel) -> None:
    now = timezone.now()
    SyncRun.objects.create(node="other", started=now, finished=now, through=0)
    numbers = range(RUNS_KEPT + 3 * FORGOTTEN_EACH)
    for number in numbers:
        publish(Report(now, steps=[f"step {number}"]))
    kept = SyncRun.objects.exclude(node="other").order_by("id")
    steps = [run.steps for run in kept]
    assert RUNS_KEPT <= len(steps) <= RUNS_KEPT + FORGOTTEN_EACH
    assert steps == [f"step {number}" for number in numbers[-len(steps) :]]
    assert SyncRun.objects.filter(node="other").exists()


def test_what_changed_during_a_run_stays_pending(panel, pandle) -> None:
    """The position is that of the snapshot, not of the end."""
    box = panel.add_mailbox(pandle, "biliards")
    reconciler = Reconciler(open_host())
    reconciler.host.apply = _meanwhile(  # type: ignore[method-assign]  # a person in between
        reconciler.host.apply, lambda: switch_mailbox(SYSTEM, box, on=False)
    )
    reconciler.reconcile(all_domains())
    assert panel.status(box) is Status.PENDING
    panel.sync()
    assert panel.status(box) is Status.LIVE


def _meanwhile(function, act):
    def both(*arguments):
        result = function(*arguments)
        act()
        return result

    return both


# one failing never blocks the others


def test_one_bad_home_fails_its_own_address_only(panel, pandle) -> None:
    good, bad = panel.add_mailbox(pandle, "good"), panel.add_mailbox(pandle, "bad")
    panel.below("pandle.net").mkdir()
    panel.below("pandle.net/bad").write_bytes(b"in the way\n")
    panel.sync()
    assert panel.status(good) is Status.LIVE
    assert panel.status(bad) is Status.FAILED
    assert "pandle.net/bad" in panel.problem(bad).cause
    assert panel.answer("=100-good")
    assert not panel.answer("=100-bad")


def test_an_alias_of_a_bad_home_fails_with_it(panel, pandle) -> None:
    panel.add_mailbox(pandle, "bad")
    alias = panel.add_alias(pandle, "also", "bad@pandle.net")
    panel.below("pandle.net").mkdir()
    panel.below("pandle.net/bad").write_bytes(b"in the way\n")
    panel.sync()
    assert panel.status(alias) is Status.FAILED


@pytest.mark.parametrize("obstacle", ["locals", "prepend", "directory", "rows"])
def test_one_failing_domain_never_blocks_the_others(panel, obstacle) -> None:
    bad, good = panel.add_domain("bad.test"), panel.add_domain("good.test")
    box = panel.add_mailbox(good, "ann")
    match obstacle:
        case "locals":
            panel.write("control/locals", b"bad.test\n")
        case "prepend":
            panel.write("users/assign", b"=100-x:joe:7:7:/home/joe:::\n.\n")
        case "directory":
            panel.below("bad.test").write_bytes(b"in the way\n")
        case "rows":
            Domain.objects.filter(pk=bad.pk).update(unknown_text="two\nlines")
    panel.sync()
    assert panel.status(box) is Status.LIVE
    assert panel.status_of_domain(good) is Status.LIVE
    assert panel.status_of_domain(bad) is Status.FAILED
    assert "bad.test" not in panel.lines("control/rcpthosts")
    assert "good.test" in panel.lines("control/rcpthosts")


def test_a_failing_domain_that_was_live_goes_on_as_it_was(panel, pandle) -> None:
    box = panel.add_mailbox(pandle, "ann")
    panel.sync()
    Domain.objects.filter(pk=pandle.pk).update(unknown_text="two\nlines")
    switch_mailbox(SYSTEM, box, on=False)
    other = panel.add_domain("other.test")
    panel.sync()
    assert panel.status(box) is Status.FAILED
    assert panel.answer("=100-ann")
    assert panel.status_of_domain(other) is Status.LIVE


def test_a_problem_goes_when_its_cause_is_gone_and_says_since_when_it_was(panel, pandle) -> None:
    bad = panel.add_mailbox(pandle, "bad")
    panel.below("pandle.net").mkdir()
    panel.below("pandle.net/bad").write_bytes(b"in the way\n")
    panel.sync()
    since = panel.problem(bad).since
    panel.sync()
    assert panel.problem(bad).since == since
    panel.below("pandle.net/bad").unlink()
    panel.sync()
    assert panel.status(bad) is Status.LIVE
    assert not SyncProblem.objects.exists()


# removal


def test_a_removed_mailbox_is_removed_and_undo_brings_its_mail_back(panel, pandle) -> None:
    box = panel.add_mailbox(pandle, "biliards")
    panel.sync()
    message = panel.below("pandle.net/biliards/Maildir/new/1")
    message.write_bytes(b"mail\n")
    remove_mailbox(SYSTEM, box)
    assert panel.status(box) is Status.PENDING
    panel.sync()
    assert panel.status(box) is Status.REMOVED
    assert not panel.answer("=100-biliards")
    assert not panel.below("pandle.net/biliards").exists()
    archived = panel.below(f".archive/{box.mailbox.home}/Maildir/new/1")
    assert archived.read_bytes() == b"mail\n"
    restore_mailbox(SYSTEM, box)
    panel.sync()
    assert panel.status(box) is Status.LIVE
    assert message.read_bytes() == b"mail\n"


def test_a_name_taken_again_gets_an_empty_mailbox(panel, pandle) -> None:
    first = panel.add_mailbox(pandle, "biliards")
    panel.sync()
    panel.below("pandle.net/biliards/Maildir/new/1").write_bytes(b"old mail\n")
    remove_mailbox(SYSTEM, first)
    panel.sync()
    second = panel.add_mailbox(pandle, "biliards")
    panel.sync()
    assert panel.status(second) is Status.LIVE
    assert list(panel.below("pandle.net/biliards/Maildir/new").iterdir()) == []
    remove_mailbox(SYSTEM, second)
    panel.sync()
    names = {path.name for path in panel.below(".archive").iterdir()}
    assert names == {str(first.mailbox.home), str(second.mailbox.home)}


def test_a_removal_and_a_new_mailbox_that_arrive_together_never_share_mail(panel, pandle) -> None:
    first = panel.add_mailbox(pandle, "biliards")
    panel.sync()
    panel.below("pandle.net/biliards/Maildir/new/1").write_bytes(b"old mail\n")
    remove_mailbox(SYSTEM, first)
    # as if its removal had been live: the claim is free though the host has not been told
    Address.objects.filter(pk=first.pk).update(claims=False)
    second = add_mailbox(actor=SYSTEM, domain=pandle, local=LocalPart("biliards"))
    panel.sync()
    assert panel.status(second) is Status.LIVE
    assert list(panel.below("pandle.net/biliards/Maildir/new").iterdir()) == []
    archived = panel.below(f".archive/{first.mailbox.home}/Maildir/new/1")
    assert archived.read_bytes() == b"old mail\n"


def test_a_removed_domain_leaves_its_archive_and_can_be_undone(panel, pandle) -> None:
    box = panel.add_mailbox(pandle, "ann")
    panel.sync()
    remove_domain(SYSTEM, pandle)
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.REMOVED
    assert panel.lines("control/virtualdomains") == ["old.test:7", "pandle.net:100"]
    assert panel.lines("control/rcpthosts") == ["old.test"]
    assert not panel.below("pandle.net").exists()
    assert "no longer served" in panel.below(".left-100/.qmail-default").read_text()
    restore_domain(SYSTEM, pandle)
    panel.sync()
    assert panel.status(box) is Status.LIVE
    assert not panel.below(".left-100").exists()
    assert panel.below("pandle.net/ann/Maildir/new").is_dir()


def test_a_domain_taken_again_gets_another_number_and_none_of_the_mail(panel, pandle) -> None:
    panel.add_mailbox(pandle, "ann")
    panel.sync()
    panel.below("pandle.net/ann/Maildir/new/1").write_bytes(b"old mail\n")
    remove_domain(SYSTEM, pandle)
    panel.sync()
    again = panel.add_domain("pandle.net")
    box = panel.add_mailbox(again, "ann")
    panel.sync()
    assert panel.status(box) is Status.LIVE
    assert panel.lines("control/virtualdomains") == ["old.test:7", "pandle.net:101"]
    assert list(panel.below("pandle.net/ann/Maildir/new").iterdir()) == []


def test_a_switched_off_domain_is_not_accepted_and_keeps_its_mail(panel, pandle) -> None:
    panel.add_mailbox(pandle, "ann")
    panel.sync()
    switch_domain(SYSTEM, pandle, on=False)
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.LIVE
    assert "pandle.net" not in panel.lines("control/rcpthosts")
    assert panel.below("pandle.net/ann/Maildir").is_dir()


# others on the host


def test_foreign_lines_are_published_and_refuse_the_names_they_route(panel, pandle) -> None:
    panel.write("control/locals", b"me.test\n")
    panel.write("control/virtualdomains", b"# by hand\nold.test:7\njoe@x.test:8\n.wild.test:9\n")
    panel.sync()
    names = set(RoutedLine.objects.values_list("file", "name"))
    assert ("control/locals", "me.test") in names
    assert {name for file, name in names if "virtual" in file} >= {"old.test", ".wild.test"}
    shown = set(ForeignLine.objects.values_list("file", "line"))
    assert ("users/assign", "=7-joe:joe:7:7:/home/joe:::") in shown
    assert ("control/rcpthosts", "old.test") in shown
    assert SyncNode.objects.get().highest_prepend == 9


def test_an_own_line_that_was_edited_by_hand_is_no_other_program_that_counts(panel, pandle) -> None:
    panel.add_mailbox(pandle, "ann")
    panel.sync()
    assign = panel.read("users/assign").replace(b"=100-ann:popuser", b"=100-ann:joe")
    panel.write("users/assign", assign)
    panel.write("control/virtualdomains", b"old.test:7\npandle.net:95\n")
    panel.sync()
    assert "QMAILPANEL_FIRST_PREPEND" not in SyncNode.objects.get().note
    panel.write("control/virtualdomains", b"old.test:7\npandle.net:95\nother.test:96\n")
    panel.sync()
    assert "up to 96." in SyncNode.objects.get().note


def test_a_list_that_is_not_there_has_no_foreign_lines(panel, pandle) -> None:
    panel.write("control/locals", b"me.test\n")
    service = panel.serve()
    panel.add_mailbox(pandle, "ann")
    settle(service)
    panel.write("control/virtualdomains", panel.read("control/virtualdomains") + b"x.test:8\n")
    settle(service)
    there = set(ForeignLine.objects.values_list("file", flat=True))
    assert there == {"users/assign", "control/virtualdomains", "control/rcpthosts"}
    assert all((panel.home / file).exists() for file in there)


def test_a_changed_line_is_kept_and_shown_with_its_three_sides(panel, pandle) -> None:
    box = panel.add_mailbox(pandle, "ann")
    panel.sync()
    before = panel.read("users/assign")
    ours = next(line for line in before.splitlines() if line.startswith(b"=100-ann:"))
    theirs = ours.replace(b"popuser:110:31", b"joe:7:7")
    panel.write("users/assign", before.replace(ours, theirs))
    panel.sync()
    assert theirs in panel.read("users/assign")
    assert ours not in panel.read("users/assign")
    drift = SyncDrift.objects.get()
    assert (drift.file, drift.key) == ("users/assign", "=100-ann")
    assert {drift.wanted, drift.applied} == {ours.decode()}
    assert drift.actual == theirs.decode()
    assert panel.status(box) is Status.FAILED
    panel.write("users/assign", before)
    panel.sync()
    assert panel.status(box) is Status.LIVE
    assert not SyncDrift.objects.exists()


def test_a_changed_dot_qmail_file_is_kept_and_shown_until_it_is_put_back(panel, pandle) -> None:
    panel.add_mailbox(pandle, "ann")
    panel.sync()
    file = panel.below("pandle.net/.qmail-default")
    before = file.read_bytes()
    file.write_bytes(b"&joe@old.test\n")
    change_domain(SYSTEM, pandle, unknown=Unknown.DISCARD)
    panel.sync()
    assert file.read_bytes() == b"&joe@old.test\n"
    drift = SyncDrift.objects.get()
    assert (drift.wanted, drift.applied, drift.actual) == (
        "#",
        before.decode().rstrip("\n"),
        "&joe@old.test",
    )
    file.write_bytes(before)
    panel.sync()
    assert file.read_bytes() == b"#\n"
    assert panel.status_of_domain(pandle) is Status.LIVE


# questions


def many_boxes(panel, domain, count=30) -> list[Address]:
    return [panel.add_mailbox(domain, f"box{number}") for number in range(count)]


def test_a_restored_database_that_misses_much_waits_for_a_yes(panel, pandle) -> None:
    boxes = many_boxes(panel, pandle)
    panel.sync()
    for box in boxes:
        box.delete()
    report = panel.sync()
    assert report.question is not None
    assert panel.answer("=100-box1")
    question = SyncQuestion.objects.get()
    assert "30 of" in question.text
    answer_question(SYSTEM, question)
    assert panel.sync().question is None
    assert not panel.answer("=100-box1")
    assert not SyncQuestion.objects.exists()
    assert panel.below("pandle.net/box1/Maildir").is_dir()


def test_a_database_that_misses_a_whole_domain_waits_for_a_yes(panel, pandle) -> None:
    many_boxes(panel, pandle)
    panel.sync()
    Address.objects.all().delete()
    Domain.objects.all().delete()
    assert panel.sync().question is not None
    assert "pandle.net" in panel.lines("control/rcpthosts")
    answer_question(SYSTEM, SyncQuestion.objects.get())
    panel.sync()
    assert panel.lines("control/rcpthosts") == ["old.test"]
    assert panel.below("pandle.net/box1/Maildir").is_dir()


def test_a_missing_rcpthosts_is_proposed_and_written_after_the_yes(panel, pandle) -> None:
    (panel.home / "control/rcpthosts").unlink()
    panel.sync()
    question = SyncQuestion.objects.get()
    assert "old.test" in question.text
    assert not (panel.home / "control/rcpthosts").exists()
    answer_question(SYSTEM, question)
    panel.sync()
    assert panel.lines("control/rcpthosts") == ["old.test", "pandle.net"]
    assert not SyncQuestion.objects.exists()


def test_a_yes_counts_for_one_plan_only(panel, pandle) -> None:
    boxes = many_boxes(panel, pandle, 60)
    panel.sync()
    for box in boxes[:30]:
        box.delete()
    panel.sync()
    answer_question(SYSTEM, SyncQuestion.objects.get())
    for box in boxes[30:]:
        box.delete()
    assert panel.sync().question is not None
    assert panel.answer("=100-box59")
    assert SyncQuestion.objects.get().answer is None


# obstacles


def test_a_host_that_cannot_be_written_is_said_and_retried(panel, pandle) -> None:
    box = panel.add_mailbox(pandle, "ann")
    (panel.home / "users/cdb.tmp").mkdir()
    report = panel.sync()
    assert report.error
    assert "cdb.tmp" in SyncProblem.objects.get(domain=None).cause
    assert panel.status(box) is Status.FAILED
    assert "pandle.net" not in panel.lines("control/rcpthosts")
    (panel.home / "users/cdb.tmp").rmdir()
    panel.sync()
    assert panel.status(box) is Status.LIVE
    assert not SyncProblem.objects.exists()


def test_a_qmail_home_that_is_gone_is_an_error_with_its_path(panel, pandle) -> None:
    panel.home.rename(panel.home.with_name("elsewhere"))
    report = panel.sync()
    assert report.error
    assert str(panel.home) in report.cause
    assert panel.status_of_domain(pandle) is Status.FAILED


# two panels


def manage(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "EMAIL_URL") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=kept | {"QMAILPANEL_STATE_DIR": str(state), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_panels_with_their_own_homes_run_side_by_side(in_memory) -> None:
    states = {name: in_memory / name for name in ("one", "two")}
    for name, state in states.items():
        state.mkdir()
        for directory in ("control", "users"):
            (state / "qmail" / directory).mkdir(parents=True)
        assert manage(state, "migrate", "--verbosity", "0").returncode == 0
        assert manage(state, "qmailsync", "--once").returncode == 0  # reads the host
        made = manage(state, "domain", "--create", f"{name}.test", "-mail_service", "true")
        assert made.returncode == 0, made.stderr
    for name, state in states.items():
        done = manage(state, "qmailsync", "--once")
        assert done.returncode == 0, done.stderr
        assert (state / "qmail/control/rcpthosts").read_text() == f"{name}.test\n"
        assert (state / "qmail/users/cdb").exists()
        assert manage(state, "qmailsync", "--dry-run").stdout == ""


def test_positions_are_those_of_this_host(panel, pandle, settings) -> None:
    panel.sync()
    assert list(SyncPosition.objects.values_list("node", flat=True)) == ["main"]


def test_what_keeps_a_domain_without_a_row_on_the_host_is_told_once_and_until_it_is_gone(
    panel, pandle
) -> None:
    panel.sync()
    default = panel.below("pandle.net/.qmail-default")
    default.write_bytes(b"&theirs@side.test\n")
    Domain.objects.filter(pk=pandle.pk).update(name="other.test")
    Claim.objects.filter(domain=pandle).update(name="other.test")
    Domain.objects.filter(pk=pandle.pk).update(prepend=150)
    for _ in range(3):
        panel.sync()
    assert SyncProblem.objects.count() == 1, list(SyncProblem.objects.values())
    assert SyncDrift.objects.count() == 1
    default.unlink()
    panel.sync()
    assert not SyncProblem.objects.exists()
    assert not SyncDrift.objects.exists()
