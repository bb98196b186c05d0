"""Sync's memory is lost, or of an earlier moment, while something is renamed and not yet synced."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

import pytest
from django.core.management import call_command

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.qmail.host import hup
from qmailpanel.qmail.host.home_maker import MARK
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import ForeignLine, SyncDrift, SyncQuestion
from qmailpanel.sync.services import answer_question
from tests.kit.cuts import Cut, count_down
from tests.kit.panels import Panel, settle
from tests.kit.restored import keep_database, keep_memory, put_back, put_memory_back

Forget = Callable[[], None]
CALLS = 3  # that each cut run makes more than the one before


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    """A domain with nobody in it, live."""
    domain = panel.add_domain("pandle.net")
    panel.sync()
    return domain


@pytest.fixture
def nobody(pandle: Domain) -> Connection:
    """A memory that knows the domain without anybody in it."""
    return keep_memory()


@pytest.fixture
def ann(panel: Panel, pandle: Domain, nobody: Connection) -> Address:
    """A mailbox with mail, and an alias of each kind that leads to it; live."""
    address = panel.add_mailbox(pandle, "ann")
    panel.add_alias(pandle, "info", "ann@pandle.net")
    panel.add_alias(pandle, "team", "ann@pandle.net", "two@side.test")
    panel.sync()
    mail_of(panel, "pandle.net/ann").write_text("for ann")
    return address


@pytest.fixture(params=["lost", "older"])
def forget(request: pytest.FixtureRequest, nobody: Connection) -> Forget:
    """The memory is lost, or of an earlier moment."""
    return lambda: put_memory_back(nobody if request.param == "older" else None)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No delivery is under way that must come to its end."""
    monkeypatch.setattr(hup, "DELIVERY_SECONDS", 0.0)


def mail_of(panel: Panel, home: str) -> Path:
    return panel.below(home) / "Maildir/new/1.mail"


def rename(address: Address, local: str, *, keep: bool = False) -> None:
    rename_address(SYSTEM, address, LocalPart(local), keep=keep)


def new_name(domain: Domain, name: str, *, keep: bool = False) -> None:
    rename_domain(SYSTEM, domain, DomainName(name), keep=keep)
    domain.refresh_from_db()


def say_yes(panel: Panel) -> None:
    panel.sync()
    answer_question(SYSTEM, SyncQuestion.objects.get())
    panel.sync()


def entries(panel: Panel, below: str = "") -> set[str]:
    return {name for name in os.listdir(panel.below(below)) if not name.startswith(".")}


def assert_at(panel: Panel, ann: Address, home: str) -> None:
    """Her mail is in that home, all that leads to her leads there, and nothing is left to do."""
    name, local = home.split("/")
    assert panel.status(ann) is Status.LIVE
    assert mail_of(panel, home).read_text() == "for ann"
    assert entries(panel) == {name}
    assert entries(panel, name) == {local}
    for key in (f"=100-{local}", "=100-info"):
        assert home.encode() in (panel.answer(key) or b"")
    assert panel.below(f"{name}/.qmail-team").read_text() == f"&{local}@{name}\n&two@side.test\n"
    assert not ForeignLine.objects.filter(line__contains="100-").exists()
    assert not SyncDrift.objects.exists()
    assert not panel.sync().steps


# what the rows still know


@pytest.mark.parametrize("keep", [True, False])
def test_a_renamed_mailbox_has_its_mail(panel, ann, forget, keep) -> None:
    rename(ann, "anna", keep=keep)
    forget()
    panel.sync()
    assert_at(panel, ann, "pandle.net/anna")
    assert panel.answer("=100-ann") == (panel.answer("=100-anna") if keep else None)


@pytest.mark.parametrize("keep", [True, False])
def test_the_mailboxes_of_a_renamed_domain_have_their_mail(
    panel, pandle, ann, forget, keep
) -> None:
    new_name(pandle, "pandle.com", keep=keep)
    forget()
    panel.sync()
    assert_at(panel, ann, "pandle.com/ann")
    kept = ["pandle.net"] if keep else []
    assert set(panel.lines("control/rcpthosts")) == {"old.test", "pandle.com", *kept}


def test_a_mailbox_and_its_domain_are_renamed(panel, pandle, ann, forget) -> None:
    rename(ann, "anna")
    new_name(pandle, "pandle.com")
    ann.refresh_from_db()
    rename(ann, "hannah")
    forget()
    panel.sync()
    assert_at(panel, ann, "pandle.com/hannah")
    assert not panel.answer("=100-ann")


def test_what_was_renamed_there_and_back_again_stays(panel, pandle, ann, forget) -> None:
    rename(ann, "anna")
    new_name(pandle, "pandle.com")
    panel.sync()
    ann.refresh_from_db()
    rename(ann, "ann")
    new_name(pandle, "pandle.net")
    forget()
    panel.sync()
    assert_at(panel, ann, "pandle.net/ann")


def test_a_rename_after_a_rename_that_the_memory_missed(panel, pandle, ann) -> None:
    memory = keep_memory()
    rename(ann, "anna")
    new_name(pandle, "pandle.com")
    panel.sync()
    ann.refresh_from_db()
    rename(ann, "hannah")
    new_name(pandle, "pandle.org")
    put_memory_back(memory)
    panel.sync()
    assert_at(panel, ann, "pandle.org/hannah")


def test_a_domain_that_takes_the_name_of_its_alias_domain(panel, pandle, ann, forget) -> None:
    add_alias_domain(SYSTEM, pandle, DomainName("pandle.com"))
    panel.sync()
    new_name(pandle, "pandle.com")
    forget()
    panel.sync()
    assert_at(panel, ann, "pandle.com/ann")


def test_a_domain_without_mailboxes_is_renamed(panel, pandle, forget) -> None:
    panel.add_alias(pandle, "out", "x@example.org")
    panel.sync()
    new_name(pandle, "pandle.com")
    forget()
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.LIVE
    assert entries(panel) == {"pandle.com"}
    assert panel.below("pandle.com/.qmail-out").exists()
    assert not panel.sync().steps


def test_what_delivers_to_a_renamed_address_from_another_domain_follows(panel, ann, forget) -> None:
    side = panel.add_domain("side.net")
    panel.add_alias(side, "both", "ann@pandle.net", "x@example.org")
    panel.sync()
    rename(ann, "anna")
    forget()
    panel.sync()
    assert panel.below("side.net/.qmail-both").read_text() == "&anna@pandle.net\n&x@example.org\n"
    assert not SyncDrift.objects.exists()


def test_who_was_renamed_and_removed_is_archived_and_comes_back(panel, ann, forget) -> None:
    rename(ann, "anna")
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    forget()
    panel.sync()
    assert panel.status(ann) is Status.REMOVED
    assert entries(panel, "pandle.net") == set()
    put_memory_back(None)
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert mail_of(panel, "pandle.net/anna").read_text() == "for ann"


def test_a_domain_that_was_renamed_and_removed_is_archived(panel, pandle, ann, forget) -> None:
    new_name(pandle, "pandle.com")
    remove_domain(SYSTEM, pandle, despite_pointers=True)
    forget()
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.REMOVED
    assert entries(panel) == set()
    assert len(list(panel.below(".archive").glob("*/Maildir/new/1.mail"))) == 1


def test_who_was_removed_and_who_has_the_name_now_keep_their_mail_apart(
    panel, pandle, ann, forget
) -> None:
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    panel.sync()
    newer = panel.add_mailbox(pandle, "ann")
    panel.sync()
    mail_of(panel, "pandle.net/ann").write_text("for the newer ann")
    rename(newer, "anna")
    forget()
    panel.sync()
    assert panel.status(newer) is Status.LIVE
    assert mail_of(panel, "pandle.net/anna").read_text() == "for the newer ann"
    assert entries(panel, "pandle.net") == {"anna"}
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert mail_of(panel, "pandle.net/ann").read_text() == "for ann"


def test_two_who_changed_names_each_have_their_own_mail(panel, pandle, ann) -> None:
    bob = panel.add_mailbox(pandle, "bob")
    panel.sync()
    mail_of(panel, "pandle.net/bob").write_text("for bob")
    memory = keep_memory()
    for address, local in ((ann, "carl"), (bob, "ann"), (ann, "bob")):
        rename(address, local)
        panel.sync()
    rename(bob, "dora")
    put_memory_back(memory)
    panel.sync()
    assert mail_of(panel, "pandle.net/bob").read_text() == "for ann"
    assert mail_of(panel, "pandle.net/dora").read_text() == "for bob"
    assert entries(panel, "pandle.net") == {"bob", "dora"}
    assert panel.status(ann) is panel.status(bob) is Status.LIVE


# what only an older database that was put back knows


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_rename_that_the_database_does_not_know_is_undone_with_the_yes(
    panel, pandle, ann, is_lost
) -> None:
    older = keep_database()
    rename(ann, "anna")
    new_name(pandle, "pandle.com")
    panel.sync()
    put_back(older)
    if is_lost:
        put_memory_back(None)
    say_yes(panel)
    assert_at(panel, ann, "pandle.net/ann")
    assert not panel.answer("=100-anna")
    assert set(panel.lines("control/rcpthosts")) == {"old.test", "pandle.net"}


def test_a_rename_that_cannot_be_undone_leaves_what_is_live(panel, pandle, ann) -> None:
    older = keep_database()
    new_name(pandle, "pandle.com")
    panel.sync()
    put_back(older)
    panel.below("pandle.net/in-the-way").mkdir(parents=True)
    say_yes(panel)
    assert panel.status(ann) is Status.FAILED
    assert b"pandle.com/ann" in (panel.answer("=100-ann") or b"")
    assert "pandle.com:100" in panel.lines("control/virtualdomains")
    panel.below("pandle.net/in-the-way").rmdir()
    panel.sync()
    assert_at(panel, ann, "pandle.net/ann")


def test_a_name_that_is_somebody_elses_meanwhile_is_not_taken(panel, pandle, ann) -> None:
    older = keep_database()
    new_name(pandle, "pandle.com")
    panel.sync()
    panel.add_mailbox(panel.add_domain("pandle.net"), "ann")
    panel.sync()
    mail_of(panel, "pandle.net/ann").write_text("for somebody else")
    put_back(older)
    put_memory_back(None)
    say_yes(panel)
    assert panel.status(ann) is Status.FAILED
    assert mail_of(panel, "pandle.net/ann").read_text() == "for somebody else"
    assert mail_of(panel, "pandle.com/ann").read_text() == "for ann"
    panel.below("pandle.net").rename(panel.home / "away")
    panel.sync()
    assert "the line =101-ann of users/assign" in panel.problem(ann).cause
    assert mail_of(panel, "pandle.com/ann").read_text() == "for ann"
    for name in ("users/assign", "control/virtualdomains"):
        lines = panel.read(name).splitlines(keepends=True)
        panel.write(name, b"".join(line for line in lines if b"101" not in line))
    panel.sync()
    assert_at(panel, ann, "pandle.net/ann")


def test_nothing_is_moved_while_the_question_is_open(panel, pandle, ann, forget) -> None:
    older = keep_database()
    rename(ann, "anna")
    panel.sync()
    put_back(older)
    forget()
    assert panel.sync().question is not None
    assert entries(panel, "pandle.net") == {"anna"}


def test_a_name_that_the_host_serves_is_not_given_while_the_question_is_open(panel, pandle) -> None:
    older = keep_database()
    panel.add_domain("side.net")
    panel.sync()
    put_back(older)
    put_memory_back(None)
    assert panel.sync().question is not None
    with pytest.raises(Refused, match="routes mail of"):
        add_alias_domain(SYSTEM, pandle, DomainName("side.net"))


# marks that do not tell


def test_of_two_homes_that_say_the_same_none_is_moved(panel, ann, forget) -> None:
    shutil.copytree(panel.below("pandle.net/ann"), panel.below("pandle.net/copy"))
    rename(ann, "anna")
    forget()
    for _ in range(2):
        panel.sync()
        assert panel.status(ann) is Status.FAILED
        assert "pandle.net/ann and pandle.net/copy" in panel.problem(ann).cause
        assert not panel.below("pandle.net/anna").exists()
        assert panel.answer("=100-ann")
    panel.below("pandle.net/copy").rename(panel.home / "away")
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert mail_of(panel, "pandle.net/anna").read_text() == "for ann"


def test_a_copy_beside_the_home_that_is_right_is_left_alone(panel, ann, forget) -> None:
    shutil.copytree(panel.below("pandle.net/ann"), panel.below("pandle.net/copy"))
    forget()
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert entries(panel, "pandle.net") == {"ann", "copy"}


def test_a_copy_of_a_domain_beside_it_is_left_alone(panel, pandle, ann, forget) -> None:
    shutil.copytree(panel.below("pandle.net"), panel.below("backup"))
    new_name(pandle, "pandle.com")
    forget()
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert entries(panel) == {"backup", "pandle.com"}


def test_of_two_directories_with_the_same_homes_none_is_moved(panel, pandle, ann, forget) -> None:
    for name in ("one", "two"):
        shutil.copytree(panel.below("pandle.net"), panel.below(name))
    panel.below("pandle.net").rename(panel.home / "away")
    forget()
    for _ in range(2):
        panel.sync()
        assert panel.status(ann) is Status.FAILED
        assert "one and two" in panel.problem(ann).cause
        assert entries(panel) == {"one", "two"}
    panel.below("two").rename(panel.home / "two")
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert mail_of(panel, "pandle.net/ann").read_text() == "for ann"


def test_changes_of_others_go_on_while_it_is_not_known_where_a_home_stands(
    panel, pandle, ann
) -> None:
    shutil.copytree(panel.below("pandle.net/ann"), panel.below("pandle.net/copy"))
    rename(ann, "anna")
    put_memory_back(None)
    service = panel.serve()
    bob = panel.add_mailbox(panel.add_domain("side.net"), "bob")
    settle(service)
    assert panel.status(bob) is Status.LIVE
    assert panel.status(ann) is Status.FAILED


def test_a_doubt_that_lasts_makes_a_change_of_others_no_work_of_the_whole_host(
    panel, pandle, ann
) -> None:
    side = panel.add_domain("side.net")
    carol = panel.add_mailbox(panel.add_domain("third.net"), "carol")
    panel.sync()
    shutil.copytree(panel.below("pandle.net/ann"), panel.below("pandle.net/copy"))
    rename(ann, "anna")
    put_memory_back(None)
    service = panel.serve()
    assert panel.status(ann) is Status.FAILED
    shutil.rmtree(panel.below("third.net/carol"))
    bob = panel.add_mailbox(side, "bob")
    settle(service)
    assert panel.status(bob) is Status.LIVE
    assert not panel.below("third.net/carol").exists(), "every domain was looked at"
    panel.below("pandle.net/copy").rename(panel.home / "away")
    service.scrub.hurry()
    settle(service)
    assert panel.below("third.net/carol").exists()
    assert {panel.status(one) for one in (ann, bob, carol)} == {Status.LIVE}
    assert mail_of(panel, "pandle.net/anna").read_text() == "for ann"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_a_mark_that_the_panel_did_not_make_moves_nothing(panel, ann, forget) -> None:
    rename(ann, "anna")
    os.chown(panel.below("pandle.net/ann") / MARK, 110, 31)
    forget()
    panel.sync()
    assert panel.status(ann) is Status.FAILED
    assert f"pandle.net/ann/{MARK}" in panel.problem(ann).cause
    assert entries(panel, "pandle.net") == {"ann"}


def test_a_home_in_the_directory_of_another_domain_is_not_moved(panel, pandle, ann) -> None:
    panel.add_domain("side.net")
    panel.sync()
    panel.below("pandle.net/ann").rename(panel.below("side.net/ann"))
    put_memory_back(None)
    panel.sync()
    assert panel.status(ann) is Status.FAILED
    assert "side.net/ann" in panel.problem(ann).cause
    assert mail_of(panel, "side.net/ann").exists()


def test_where_homes_cannot_be_seen_nothing_is_made(panel, ann, forget, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    rename(ann, "anna")
    forget()
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", fail)
        assert panel.sync().error
    assert entries(panel, "pandle.net") == {"ann"}
    panel.sync()
    assert_at(panel, ann, "pandle.net/anna")


# seen before it is done, and killed in the midst of it


def test_the_preview_shows_what_is_found_and_writes_nothing(panel, pandle, ann, forget) -> None:
    rename(ann, "anna")
    remove_mailbox(SYSTEM, panel.add_mailbox(pandle, "bob"))
    forget()
    before = {path: path.read_bytes() for path in panel.home.rglob("*") if path.is_file()}
    said = io.StringIO()
    call_command("qmailsync", dry_run=True, stdout=said)
    assert "move pandle.net/ann to pandle.net/anna" in said.getvalue()
    after = {path: path.read_bytes() for path in panel.home.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after[path]} == set()


def test_the_preview_shows_what_goes_that_was_removed(panel, pandle, ann, forget) -> None:
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    forget()
    said = io.StringIO()
    call_command("qmailsync", dry_run=True, stdout=said)
    assert "archive home pandle.net/ann" in said.getvalue()
    assert "- =100-ann:" in said.getvalue()
    assert panel.answer("=100-ann")


def test_killed_at_any_moment_and_forgetful_again_mail_is_where_its_mailbox_is(
    panel, pandle, ann, at_once, monkeypatch
) -> None:
    """Each run is cut some calls later; the next one has no memory of it."""
    names = itertools.cycle([("pandle.com", "anna"), ("pandle.net", "ann")])
    for cut_at in itertools.count(step=CALLS):
        name, local = next(names)
        new_name(pandle, name)
        ann.refresh_from_db()
        rename(ann, local)
        put_memory_back(None)
        with monkeypatch.context() as patched, contextlib.suppress(Cut):
            calls = count_down(patched, cut_at)
            panel.sync()
        put_memory_back(None)
        panel.sync()
        assert_at(panel, ann, f"{name}/{local}")
        if calls[0] <= cut_at:
            break
    assert cut_at > 30
