"""Renamed mailboxes and domains: their mail moves with them, and is never without its home."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

import pytest

from qmailpanel.console.decisions import take_theirs
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.qmail import names
from qmailpanel.qmail.host import libc
from qmailpanel.reports.models import SyncProblem
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import SyncDrift
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.scope import all_domains
from tests.kit.cuts import Cut, count_down
from tests.kit.panels import Panel


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    """A domain with mail in a mailbox, live."""
    domain = panel.add_domain("pandle.net")
    panel.add_mailbox(domain, "ann")
    panel.add_alias(domain, "info", "ann@pandle.net")
    panel.add_alias(domain, "team", "one@side.test", "two@side.test")
    panel.sync()
    mail_of(panel, "pandle.net/ann").write_text("hello")
    return domain


def mail_of(panel: Panel, home: str) -> Path:
    return panel.below(home) / "Maildir/new/1.mail"


def box(domain: Domain) -> Address:
    return domain.addresses.get(kind="mailbox")


def rename(domain: Domain, local: str, *, keep: bool = True) -> Address:
    return rename_address(SYSTEM, box(domain), names.LocalPart(local), keep=keep)


def new_name(domain: Domain, name: str, *, keep: bool = True) -> None:
    rename_domain(SYSTEM, domain, names.DomainName(name), keep=keep)


def entries(panel: Panel, below: str = "") -> set[str]:
    return set(os.listdir(panel.below(below)))


@pytest.mark.parametrize("keep", [True, False])
def test_a_renamed_mailbox_has_its_mail_and_its_old_name_or_not(panel, pandle, keep) -> None:
    rename(pandle, "anna", keep=keep)
    panel.sync()
    assert mail_of(panel, "pandle.net/anna").read_text() == "hello"
    assert "ann" not in entries(panel, "pandle.net")
    assert panel.status(box(pandle)) is Status.LIVE
    assert panel.answer("=100-anna") == panel.answer("=100-info")
    assert panel.answer("=100-ann") == (panel.answer("=100-anna") if keep else None)


def test_the_old_name_made_again_starts_empty(panel, pandle) -> None:
    rename(pandle, "anna", keep=False)
    panel.sync()
    ann = panel.add_mailbox(pandle, "ann")
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert not mail_of(panel, "pandle.net/ann").exists()
    assert mail_of(panel, "pandle.net/anna").read_text() == "hello"


def test_a_mailbox_renamed_and_removed_before_anybody_looked_is_archived(panel, pandle) -> None:
    renamed = rename(pandle, "anna", keep=False)
    remove_mailbox(SYSTEM, renamed, despite_pointers=True)
    panel.sync()
    assert entries(panel, "pandle.net") >= {".qmail-default", ".qmail-team"}
    assert not entries(panel, "pandle.net") & {"ann", "anna"}
    restore_mailbox(SYSTEM, renamed)
    panel.sync()
    assert mail_of(panel, "pandle.net/anna").read_text() == "hello"


def test_renamed_twice_before_anybody_looked_it_moves_once(panel, pandle) -> None:
    rename(pandle, "anna", keep=False)
    rename(pandle, "hannah", keep=False)
    panel.sync()
    assert mail_of(panel, "pandle.net/hannah").read_text() == "hello"
    assert not entries(panel, "pandle.net") & {"ann", "anna"}


def test_there_and_back_again(panel, pandle) -> None:
    for local in ("anna", "ann", "anna"):
        rename(pandle, local, keep=False)
        panel.sync()
        assert mail_of(panel, f"pandle.net/{local}").read_text() == "hello"
        assert panel.status(box(pandle)) is Status.LIVE


def test_something_in_the_way_is_said_and_the_old_name_goes_on(panel, pandle) -> None:
    panel.below("pandle.net/anna/Maildir").mkdir(parents=True)
    rename(pandle, "anna", keep=False)
    panel.sync()
    assert panel.status(box(pandle)) is Status.FAILED
    assert "pandle.net/anna is in the way" in panel.problem(box(pandle)).cause
    assert panel.answer("=100-ann")
    assert mail_of(panel, "pandle.net/ann").read_text() == "hello"
    panel.below("pandle.net/anna/Maildir").rmdir()
    panel.sync()
    assert panel.status(box(pandle)) is Status.LIVE


def test_a_home_that_is_missing_is_made_anew_under_the_new_name(panel, pandle) -> None:
    panel.below("pandle.net/ann").rename(panel.below("gone"))
    rename(pandle, "anna", keep=False)
    panel.sync()
    assert panel.status(box(pandle)) is Status.LIVE
    assert panel.below("pandle.net/anna/Maildir/new").is_dir()


def test_the_preview_names_the_move(panel, pandle) -> None:
    rename(pandle, "anna")
    plan = Reconciler(open_host()).preview.of(all_domains())
    assert [str(step) for step in plan.steps] == [
        "Move(path='pandle.net/ann', to='pandle.net/anna')"
    ]
    assert "ann" in entries(panel, "pandle.net")


# domains


@pytest.mark.parametrize("keep", [True, False])
def test_a_renamed_domain_has_its_mail_and_its_old_name_or_not(panel, pandle, keep) -> None:
    new_name(pandle, "pandle.com", keep=keep)
    panel.sync()
    assert mail_of(panel, "pandle.com/ann").read_text() == "hello"
    assert entries(panel) == {"pandle.com"}
    assert panel.status(box(pandle)) is Status.LIVE
    kept = ["pandle.net"] if keep else []
    assert set(panel.lines("control/rcpthosts")) == {"old.test", "pandle.com", *kept}
    assert b"pandle.com/ann" in (panel.answer("=100-ann") or b"")
    assert panel.below("pandle.com/.qmail-team").read_bytes() == b"&one@side.test\n&two@side.test\n"


def test_the_old_name_of_a_domain_taken_again_is_another_domain(panel, pandle) -> None:
    new_name(pandle, "pandle.com", keep=False)
    panel.sync()
    other = panel.add_domain("pandle.net")
    panel.add_mailbox(other, "ann")
    panel.sync()
    assert panel.status_of_domain(other) is Status.LIVE
    assert not mail_of(panel, "pandle.net/ann").exists()
    assert mail_of(panel, "pandle.com/ann").read_text() == "hello"


def test_a_domain_and_a_mailbox_renamed_together(panel, pandle) -> None:
    new_name(pandle, "pandle.com", keep=False)
    rename(pandle, "anna", keep=False)
    panel.sync()
    assert mail_of(panel, "pandle.com/anna").read_text() == "hello"
    assert panel.status(box(pandle)) is Status.LIVE
    assert "ann" not in entries(panel, "pandle.com")


def test_a_directory_in_the_way_of_a_domain_is_said_and_the_old_name_goes_on(panel, pandle) -> None:
    panel.below("pandle.com/by-hand").mkdir(parents=True)
    new_name(pandle, "pandle.com", keep=False)
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.FAILED
    assert "pandle.net" in panel.lines("control/rcpthosts")
    assert b"pandle.net/ann" in (panel.answer("=100-ann") or b"")
    panel.below("pandle.com/by-hand").rmdir()
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.LIVE


# cut at any moment


@pytest.mark.parametrize("what", ["mailbox", "domain"])
def test_cut_at_any_system_call_mail_has_its_home_by_either_name(
    panel, pandle, monkeypatch, what
) -> None:
    """Each time the run is cut one call later, until it comes to its end."""
    flip = itertools.cycle(["anna", "ann"] if what == "mailbox" else ["pandle.com", "pandle.net"])
    for cut_at in itertools.count():
        name = next(flip)
        if what == "mailbox":
            rename(pandle, name, keep=False)
        else:
            new_name(pandle, name, keep=False)
        with monkeypatch.context() as patched:
            calls = count_down(patched, cut_at)
            with contextlib.suppress(Cut):
                panel.sync()
        pandle.refresh_from_db()
        assert _homes_named_by_the_map(panel) == {"hello"}
        panel.sync()
        home = f"{pandle.name}/{box(pandle).local}"
        assert mail_of(panel, home).read_text() == "hello"
        assert panel.status(box(pandle)) is Status.LIVE
        if calls[0] <= cut_at:
            break
    assert cut_at > 10


def test_a_domain_gets_back_a_name_where_the_link_of_a_cut_run_stands(
    panel, pandle, monkeypatch
) -> None:
    """Two runs are cut after their moves, so none of their links is gone yet."""
    for cut_at in range(8, 24):
        for name in ("a.test", "b.test", "pandle.net"):
            new_name(pandle, name)
            with monkeypatch.context() as patched, contextlib.suppress(Cut):
                count_down(patched, cut_at)
                panel.sync()
        panel.sync()
        assert panel.status(box(pandle)) is Status.LIVE
        assert mail_of(panel, "pandle.net/ann").read_text() == "hello"
        assert entries(panel) == {"pandle.net"}


def test_a_move_that_was_cut_is_no_hindrance_where_the_mail_root_is_gone_since(
    panel, pandle, monkeypatch
) -> None:
    def cut(*_: object) -> None:
        raise Cut

    rename(pandle, "anna")
    with monkeypatch.context() as patched, contextlib.suppress(Cut):
        patched.setattr(libc, "exchange", cut)
        panel.sync()
    assert open_host().memory.moving
    panel.below("").rename(panel.home / "elsewhere")
    assert panel.sync().error == ""


def _homes_named_by_the_map(panel: Panel) -> set[str]:
    """The mail that lies in the home of each mailbox that users/cdb knows."""
    records = [panel.answer(f"=100-{local}") for local in ("ann", "anna")]
    homes = {record.split(b"\0")[3].decode() for record in records if record}
    return {Path(home, "Maildir/new/1.mail").read_text() for home in homes}


# in the way of a former domain


def test_the_name_of_a_domain_that_left_a_file_behind_is_taken_without_losing_mail(
    panel, pandle
) -> None:
    other = panel.add_domain("pandle.com")
    panel.sync()
    panel.below("pandle.com/.qmail-default").write_text("|/bin/true\n")
    panel.sync()
    take_theirs(SYSTEM, SyncDrift.objects.get())
    remove_domain(SYSTEM, other)
    panel.sync()
    new_name(pandle, "pandle.com")
    panel.sync()
    assert mail_of(panel, "pandle.net/ann").read_text() == "hello"
    assert "pandle.com is in the way" in SyncProblem.objects.get().cause
    panel.below("pandle.com/.qmail-default").unlink()
    panel.sync()
    assert panel.status(box(pandle)) is Status.LIVE
    assert mail_of(panel, "pandle.com/ann").read_text() == "hello"
    assert entries(panel) == {"pandle.com", ".left-101"}
