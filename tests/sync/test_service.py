"""The sync service: what it notices, what it tries again, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import record
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import switch_mailbox
from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.host import examine_homes
from qmailpanel.qmail.host.shared_file import hold_lock
from qmailpanel.qmail.names import DomainName
from qmailpanel.reports.models import SyncNode, SyncProblem
from qmailpanel.reports.node import find_node, is_alive
from qmailpanel.reports.statuses import Status
from qmailpanel.sync import reconcile, unsettled
from qmailpanel.sync.models import SyncQuestion
from qmailpanel.sync.reconcile import open_host
from qmailpanel.sync.rounds import scrub, usage
from qmailpanel.sync.service import Service
from qmailpanel.sync.services import answer_question
from qmailpanel.sync.trigger import Trigger
from tests.kit.panels import Panel, settle
from tests.kit.restored import keep_database, put_back
from tests.kit.signing_in import type_password, with_password

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    return panel.add_domain("pandle.net")


@pytest.fixture
def box(panel: Panel, pandle: Domain) -> Address:
    return panel.add_mailbox(pandle, "biliards")


# what is over


def test_sessions_that_are_over_are_removed_and_the_others_stay(panel, colleague) -> None:
    with_password(colleague)
    for _ in range(2):
        type_password(Client(), colleague.email)
    over, living = Session.objects.order_by("session_key")
    Session.objects.filter(pk=over.pk).update(expire_date=timezone.now() - timedelta(seconds=1))
    Service(open_host()).turn()
    assert Session.objects.get() == living
    assert UserSession.objects.get().session_key == living.session_key


# changes


def test_a_change_is_live_after_one_turn(panel, box) -> None:
    running = Service(open_host())
    running.turn()
    assert panel.status(box) is Status.LIVE
    other = panel.add_mailbox(box.domain, "ann")
    running.turn()
    assert panel.status(other) is Status.LIVE


def test_what_was_committed_while_nobody_served_is_found_at_the_start(panel, box) -> None:
    panel.sync()
    switch_mailbox(SYSTEM, box, on=False)
    panel.serve()
    assert panel.status(box) is Status.LIVE
    assert b"switched off" in panel.below("pandle.net/biliards/.qmail").read_bytes()


def test_a_change_that_is_about_no_domain_is_asked_about_once_and_no_more(panel, box) -> None:
    running = panel.serve()
    tell_of_no_domain()
    assert "reports_syncnode" not in asked_by(running)
    assert "domains_domain" not in asked_by(running)


def test_a_change_about_no_domain_has_nobody_read_a_host_that_a_question_is_about(panel) -> None:
    older = keep_database()
    panel.add_domain()
    panel.sync()
    put_back(older)
    running = panel.serve()
    assert SyncQuestion.objects.exists()
    tell_of_no_domain()
    assert "reports_syncnode" not in asked_by(running)


@transaction.atomic
def tell_of_no_domain() -> None:
    record(SYSTEM, Verb.CHANGED, Noun.HOST, "nothing")


def asked_by(running: Service) -> str:
    """All that it asks the database when it takes changes."""
    with CaptureQueriesContext(connection) as queries:
        running.take_changes()
    return " ".join(query["sql"] for query in queries)


# others at the files


def test_a_deleted_map_is_made_again_within_one_turn(panel, box) -> None:
    running = panel.serve()
    (panel.home / "users/cdb").unlink()
    running.turn()
    assert panel.answer("=100-biliards")
    assert panel.answer("=7-joe")


@pytest.mark.parametrize("name", ["users/assign", "control/virtualdomains", "control/rcpthosts"])
def test_lines_that_somebody_took_out_are_back_within_one_turn(panel, box, name) -> None:
    running = panel.serve()
    whole = panel.read(name)
    kept = b"".join(line for line in whole.splitlines(keepends=True) if b"pandle" not in line)
    panel.write(name, kept)
    running.turn()
    assert panel.read(name) == whole


@pytest.mark.parametrize("name", ["control/virtualdomains", "control/rcpthosts"])
def test_lines_taken_out_just_before_another_domains_change_are_back_too(panel, box, name) -> None:
    running = panel.serve()
    panel.write(name, panel.read(name).replace(b"pandle.net", b"# pandle.net"))
    panel.add_domain("other.test")
    running.turn()
    assert [line for line in panel.lines(name) if line.startswith("pandle.net")]
    assert [line for line in panel.lines(name) if line.startswith("other.test")]


def test_lines_taken_out_during_the_scrub_are_back_within_one_turn(panel, box) -> None:
    other = panel.add_domain("other.test")
    running = panel.serve()
    panel.write("control/rcpthosts", b"old.test\nother.test\n")
    assert not running.reconciler.is_amiss([other.pk])
    running.turn()
    assert panel.lines("control/rcpthosts") == ["old.test", "pandle.net", "other.test"]


def test_a_line_added_by_hand_is_kept_and_published_within_one_turn(panel, box) -> None:
    running = panel.serve()
    panel.write("control/virtualdomains", panel.read("control/virtualdomains") + b"new.test:9\n")
    running.turn()
    assert "new.test:9" in panel.lines("control/virtualdomains")
    assert SyncNode.objects.get().highest_prepend == 9


def test_the_scrub_mends_what_nobody_pointed_at(panel, box) -> None:
    running = panel.serve()
    panel.below("pandle.net/biliards/Maildir/new").rmdir()
    panel.below("pandle.net/.qmail-default").unlink()
    running.scrub.hurry()
    settle(running)
    assert panel.below("pandle.net/biliards/Maildir/new").is_dir()
    assert panel.below("pandle.net/.qmail-default").exists()


# trouble that passes


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Whatever failed is tried again at once."""
    monkeypatch.setattr(unsettled, "RETRY_SECONDS", (0.0,))


def test_a_failed_address_is_live_once_its_obstacle_is_gone(panel, box, impatient) -> None:
    panel.below("pandle.net").mkdir()
    panel.below("pandle.net/biliards").write_bytes(b"in the way\n")
    running = panel.serve()
    assert panel.status(box) is Status.FAILED
    panel.below("pandle.net/biliards").unlink()
    running.turn()
    assert panel.status(box) is Status.LIVE


@pytest.mark.parametrize("name", ["users/assign", "control/rcpthosts", "control/locals"])
def test_a_directory_in_place_of_a_file_is_said_and_ends_no_service(panel, box, name) -> None:
    running = panel.serve()
    file = panel.home / name
    before = file.read_bytes() if file.exists() else None
    file.unlink(missing_ok=True)
    file.mkdir()
    late = panel.add_mailbox(box.domain, "late")
    for _ in range(3):
        running.scrub.hurry()
        settle(running)
    assert name in SyncProblem.objects.get(domain=None).text
    assert panel.status(late) is Status.FAILED
    file.rmdir()
    if before is not None:
        file.write_bytes(before)
    running.unsettled.retry_at = 0.0
    running.turn()
    assert panel.status(late) is Status.LIVE
    assert not SyncProblem.objects.exists()


def test_a_qmail_home_that_cannot_be_locked_is_said_and_ends_no_service(panel, box) -> None:
    running = panel.serve()
    lock = panel.home / "users/.qmailpanel.lock"
    lock.unlink()
    lock.mkdir()
    switch_mailbox(SYSTEM, box, on=False)
    running.scrub.hurry()
    settle(running)
    assert "lock" in SyncProblem.objects.get(domain=None).cause
    lock.rmdir()
    running.unsettled.retry_at = 0.0
    running.turn()
    assert panel.status(box) is Status.LIVE


def test_another_process_at_work_is_waited_for(panel, box) -> None:
    running = panel.serve()
    switch_mailbox(SYSTEM, box, on=False)
    with hold_lock(str(panel.home)):
        running.scrub.hurry()
        settle(running)
        assert panel.status(box) is Status.PENDING
    running.turn()
    assert panel.status(box) is Status.LIVE
    assert running.scrub.at < time.monotonic() + 60


def test_a_domain_that_gave_its_name_away_is_not_tried_for_ever(panel, box) -> None:
    panel.write("control/locals", b"pandle.net\n")
    running = panel.serve()
    assert running.unsettled.failed
    Domain.objects.filter(pk=box.domain_id).update(removed=True)
    box.domain.names.update(claims=False)
    running.unsettled.retry_at = 0.0
    running.turn()
    assert not running.unsettled.failed


# questions


def many_boxes(panel: Panel, count: int = 30) -> Domain:
    domain = panel.add_domain("many.test")
    for number in range(count):
        panel.add_mailbox(domain, f"box{number}")
    return domain


def test_a_question_waits_for_the_yes_and_goes_on_after_it(panel, box) -> None:
    many = many_boxes(panel)
    running = panel.serve()
    many.addresses.filter(local__startswith="box").delete()
    running.scrub.hurry()
    settle(running)
    question = SyncQuestion.objects.get()
    assert panel.answer("=101-box1")
    answer_question(SYSTEM, question)
    running.turn()
    assert not panel.answer("=101-box1")
    assert not SyncQuestion.objects.exists()


def test_a_change_elsewhere_neither_drops_a_question_nor_its_yes(panel, box) -> None:
    many = many_boxes(panel)
    running = panel.serve()
    many.addresses.all().delete()
    many.delete()
    running.scrub.hurry()
    settle(running)
    switch_mailbox(SYSTEM, box, on=False)
    running.turn()
    assert panel.status(box) is Status.LIVE
    question = SyncQuestion.objects.get()
    answer_question(SYSTEM, question)
    switch_mailbox(SYSTEM, box, on=True)
    running.turn()
    assert panel.status(box) is Status.LIVE
    assert not panel.answer("=101-box1")
    assert not SyncQuestion.objects.exists()


def test_a_question_of_before_that_is_none_any_more_goes_with_the_next_scrub(panel, box) -> None:
    many = many_boxes(panel)
    panel.serve()
    rows = list(many.addresses.filter(local__startswith="box"))
    Address.objects.filter(pk__in=[row.pk for row in rows]).update(claims=False)
    panel.sync()
    assert SyncQuestion.objects.exists()
    Address.objects.filter(pk__in=[row.pk for row in rows]).update(claims=True)
    panel.serve()
    assert not SyncQuestion.objects.exists()


def test_much_that_is_missing_here_and_there_is_asked_about_as_a_whole(panel) -> None:
    domains = [panel.add_domain(f"d{number}.test") for number in range(12)]
    for domain in domains:
        panel.add_mailbox(domain, "ann")
        panel.add_mailbox(domain, "bob")
    panel.sync()
    Address.objects.filter(local__in=["ann", "bob"]).delete()
    panel.serve()
    assert "24 of 36" in SyncQuestion.objects.get().text
    assert panel.answer("=100-ann")
    assert panel.answer("=111-bob")


# long work


@pytest.fixture
def in_slices(monkeypatch) -> None:
    monkeypatch.setattr(reconcile, "SLICE_SECONDS", 0.0)


def test_another_domains_change_is_live_before_long_work_ends(panel, in_slices) -> None:
    slow, quick = panel.add_domain("slow.test"), panel.add_domain("quick.test")
    running = panel.serve()
    boxes = [panel.add_mailbox(slow, f"box{number}") for number in range(10)]
    pause, seen = running._pause, list[Any]()

    def person():
        """Adds ann in the third pause, and looks at her when it is over."""
        seen.append(None)
        ann = panel.add_mailbox(quick, "ann") if len(seen) == 3 else None
        pause()
        if ann:
            seen[2] = panel.status(ann), panel.below("slow.test/box9").exists()

    running.reconciler.pause = person
    running.turn()
    assert seen[2] == (Status.LIVE, False)
    assert {panel.status(row) for row in boxes} == {Status.LIVE}
    assert panel.answer("=101-ann")


@pytest.mark.parametrize("slow_name", ["a.test", "b.test"])
def test_a_rename_that_others_follow_waits_until_all_of_them_can_be_made_true(
    panel, in_slices, slow_name
) -> None:
    """Else ann is gone from b.test while a.test forwards there, or not there yet."""
    one, other = panel.add_domain("a.test"), panel.add_domain("b.test")
    panel.add_mailbox(other, "ann")
    panel.add_alias(one, "far", "ann@b.test", "out@side.test")
    running = panel.serve()
    slow = one if slow_name == "a.test" else other
    for number in range(10):
        panel.add_mailbox(slow, f"box{number}")
    pause, seen = running._pause, list[tuple[bool, bool]]()

    def person():
        if not seen:
            rename_domain(SYSTEM, other, DomainName("c.test"), keep=False)
        pause()
        forwards = b"@b.test" in panel.below("a.test/.qmail-far").read_bytes()
        seen.append((forwards, "b.test:101" in panel.lines("control/virtualdomains")))

    running.reconciler.pause = person
    running.take_changes()
    assert set(seen) == {(True, True)}
    running.reconciler.pause = pause
    settle(running)
    assert panel.below("a.test/.qmail-far").read_bytes() == b"&ann@c.test\n&out@side.test\n"


def test_what_it_wrote_itself_in_slices_is_not_taken_for_somebody_elses(panel, in_slices) -> None:
    slow, quick = panel.add_domain("slow.test"), panel.add_domain("quick.test")
    running = panel.serve()
    gone = [panel.add_mailbox(slow, f"old{number}") for number in range(3)]
    running.turn()
    for row in gone:
        remove_mailbox(SYSTEM, row)
    panel.add_mailbox(slow, "new")
    pause, added = running._pause, list[Address]()

    def person():
        if len(added) < 30:
            added.append(panel.add_mailbox(quick, f"box{len(added)}"))
        pause()

    running.reconciler.pause = person
    running.take_changes()
    assert len(added) == 30
    assert running.reconciler.disturbed() == set()


@pytest.mark.parametrize("pauses", range(1, 6))
def test_a_domain_made_in_a_pause_of_another_is_gone_when_it_is_removed(
    panel, in_slices, pauses
) -> None:
    """What the service wrote in the pause is its own, not an editor's."""
    slow = panel.add_domain("slow.test")
    panel.add_mailbox(slow, "ann")
    switch_domain(SYSTEM, slow, on=False)
    running = panel.serve()
    pause, seen = running._pause, list[Domain]()

    def person():
        if len(seen) < pauses:
            seen.append(panel.add_domain("b.test") if len(seen) == pauses - 1 else slow)
        pause()

    running.reconciler.pause = person
    switch_domain(SYSTEM, slow, on=True)
    settle(running)
    quick = Domain.objects.get(names__name="b.test")
    assert panel.status_of_domain(quick) is Status.LIVE
    assert panel.lines("control/rcpthosts") == ["old.test", "slow.test", "b.test"]
    remove_domain(SYSTEM, quick)
    settle(running)
    assert panel.lines("control/rcpthosts") == ["old.test", "slow.test"]
    assert assign.cut(panel.read("users/assign"))[1] == b""  # nothing behind the dot


def test_who_waits_for_long_work_sees_how_far_it_is(panel, in_slices, as_operator) -> None:
    slow, other = panel.add_domain("slow.test"), panel.add_domain("other.test")
    running = panel.serve()
    for number in range(10):
        panel.add_mailbox(slow, f"box{number}")
    pause, seen = running._pause, list[tuple[int, int]]()

    def person():
        pause()
        node = SyncNode.objects.get()
        seen.append((node.done, node.total))
        if len(seen) == 5:
            page = as_operator.get(f"/domains/{slow.name}/settings/").content.decode()
            assert f"made live: {node.done} of {node.total} steps are done." in page
            assert f'<progress value="{node.done}" max="{node.total}"' in page
            assert "<progress" not in as_operator.get(f"/domains/{other.name}/settings/").text

    running.reconciler.pause = person
    running.turn()
    assert seen[1:] == sorted(seen[1:])
    assert seen[5][0] > seen[4][0] > 0
    node = SyncNode.objects.get()
    assert (node.done, node.total) == (0, 0)


def test_a_stop_in_the_middle_of_long_work_leaves_it_to_the_next_start(panel, in_slices) -> None:
    slow = panel.add_domain("slow.test")
    boxes = [panel.add_mailbox(slow, f"box{number}") for number in range(10)]
    running = Service(open_host())
    pause, calls = running._pause, list[None]()

    def term():
        calls.append(None)
        running.stopping = len(calls) == 4
        pause()

    running.reconciler.pause = term
    running.run()
    assert len(calls) == 4
    assert not panel.below("slow.test/box9").exists()
    assert "slow.test" not in panel.lines("control/rcpthosts")
    assert not is_alive(find_node())
    panel.serve()
    assert {panel.status(row) for row in boxes} == {Status.LIVE}


@pytest.mark.parametrize("kind", ["scrub", "examination of homes", "look at usage"])
def test_a_change_is_live_within_one_turn_whatever_round_is_under_way(
    panel, box, kind, monkeypatch
) -> None:
    for number in range(30):
        panel.add_mailbox(box.domain, f"box{number}")
        panel.add_domain(f"d{number}.test")
    monkeypatch.setattr(scrub, "DOMAINS", 1)
    monkeypatch.setattr(examine_homes, "HOMES", 1)
    monkeypatch.setattr(usage, "HOMES", 1)
    running = panel.serve()
    rounds = {
        "scrub": running.scrub,
        "examination of homes": running.doctor.homes,
        "look at usage": running.usage.all,
    }
    rounds[kind].hurry()
    running.turn()
    for number in range(3):
        switch_mailbox(SYSTEM, box, on=bool(number % 2))
        running.turn()
        assert panel.status(box) is Status.LIVE
        assert rounds[kind].is_under_way
    settle(running)
    assert not rounds[kind].is_under_way


# signs of life


def test_while_changes_come_one_after_the_other_the_scrub_waits_but_not_for_ever(
    panel, box, monkeypatch
) -> None:
    monkeypatch.setattr("qmailpanel.sync.service.COMING_SECONDS", 60.0)
    service = panel.serve()
    service.scrub.hurry()
    for number in range(3):
        new = panel.add_mailbox(box.domain, f"m{number}")
        service.take_turn()
        assert panel.status(new) is Status.LIVE
        assert not service.scrub.is_under_way
    monkeypatch.setattr("qmailpanel.sync.service.LATER_SECONDS", 0.0)
    service.take_turn()
    assert service.scrub.is_under_way


def test_when_no_more_changes_come_the_scrub_goes_on(panel, box, monkeypatch) -> None:
    service = panel.serve()
    service.scrub.hurry()
    panel.add_mailbox(box.domain, "new")
    monkeypatch.setattr("qmailpanel.sync.service.COMING_SECONDS", 0.0)
    service.take_turn()
    assert service.scrub.is_under_way


def test_the_heart_beats_while_it_serves_and_not_after(panel, box) -> None:
    running = panel.serve()
    assert is_alive(find_node())
    running.stopping = True
    running.run()
    assert SyncNode.objects.get().heartbeat is None


def test_two_services_on_one_fifo_do_not_disturb_each_other(tmp_path) -> None:
    one, other = Trigger(tmp_path / "fifo"), Trigger(tmp_path / "fifo")
    with (tmp_path / "fifo").open("wb", buffering=0) as pull:
        pull.write(b"\0")
    one.wait(0)
    other.wait(0)
    one.close()
    other.close()


def test_term_ends_the_process_cleanly_hup_does_not_and_pull_wakes_it(in_memory) -> None:
    """The real command, in a process of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "EMAIL_URL") if name in os.environ}
    world = kept | {"QMAILPANEL_STATE_DIR": str(in_memory), "DATABASE_URL": ""}
    for directory in ("control", "users"):
        (in_memory / "qmail" / directory).mkdir(parents=True)
    command = [sys.executable, "manage.py"]
    subprocess.run([*command, "migrate", "--verbosity", "0"], cwd=ROOT, env=world, check=True)
    subprocess.run([*command, "createcachetable"], cwd=ROOT, env=world, check=True)
    subprocess.run([*command, "qmailsync", "--once"], cwd=ROOT, env=world, check=True)  # reads it
    with subprocess.Popen(
        [*command, "qmailsync"], cwd=ROOT, env=world, stderr=subprocess.PIPE, text=True
    ) as process:
        made = subprocess.run(
            [*command, "domain", "--create", "pandle.net", "-mail_service", "true"],
            cwd=ROOT,
            env=world,
            capture_output=True,
            text=True,
            check=True,
        )
        virtual = in_memory / "qmail/control/rcpthosts"
        deadline = time.monotonic() + 20
        while not (virtual.exists() and virtual.read_text() == "pandle.net\n"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert "SUCCESS" in made.stdout
    assert (process.returncode, "Traceback" in said) == (0, False)


def test_a_removed_domain_is_removed_after_one_turn(panel, box) -> None:
    running = panel.serve()
    remove_domain(SYSTEM, box.domain)
    running.turn()
    assert panel.status_of_domain(box.domain) is Status.REMOVED
