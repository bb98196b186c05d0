"""qmail-newu and qmail-send on a real qmail: used, told, and seen to have done it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host import hup, map_compiler
from qmailpanel.qmail.host.map_compiler import is_home_compiled_in
from qmailpanel.sync.scope import all_domains
from tests.kit.programs import READS, running
from tests.kit.real_panel import Panel, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import HOME, needs_qmail, rcpt

pytestmark = needs_qmail
ROOT = Path(__file__).parents[3]
BILIARDS = {"in pandle.net/biliards"}


@pytest.fixture
def panel(tmp_path, transactional_db, settings):
    with real_panel(tmp_path, settings) as panel:
        yield panel


@pytest.fixture
def impatient(monkeypatch) -> None:
    """A qmail-send that does not read is given up soon."""
    monkeypatch.setattr(hup, "HUP_SECONDS", 0.3)


def add_biliards() -> None:
    new_mailbox(new_domain("pandle.net"), "biliards")


# HUP


def test_mail_for_a_new_domain_is_delivered_by_a_qmail_send_that_ran_before(panel) -> None:
    panel.qmail.start()
    add_biliards()
    panel.make_live()
    assert panel.send("biliards@pandle.net") == BILIARDS


def test_whoever_may_not_look_at_qmail_send_knows_it_by_its_lock(panel, tmp_path) -> None:
    for name in ("bin", "control", "queue"):
        (tmp_path / "other" / name).mkdir(parents=True)
    find = "from qmailpanel.qmail.host.hup import find_senders; print(*find_senders('/var/qmail'))"
    command = ["setpriv", "--bounding-set=-sys_ptrace", sys.executable, "-c", find]
    panel.qmail.start()
    with running(tmp_path / "other", READS):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (number,) = done.stdout.split()
    assert Path(f"/proc/{number}").owner() == "qmails"


def test_without_the_hup_that_mail_would_go_to_the_outside(panel, settings) -> None:
    settings.QMAILPANEL_HUP = "none"
    panel.qmail.start()
    unkind = Panel(panel.qmail)
    add_biliards()
    unkind.make_live()
    assert unkind.send("biliards@pandle.net") == {"to biliards@pandle.net"}
    unkind.host.memory.close()


def test_a_qmail_send_that_does_not_run_needs_no_hup(panel) -> None:
    add_biliards()
    panel.make_live()
    assert not panel.host.memory.hup_owed
    panel.qmail.start()
    assert panel.send("biliards@pandle.net") == BILIARDS


def test_rcpthosts_does_not_grow_until_a_stopped_qmail_send_goes_on(panel, impatient) -> None:
    panel.qmail.start()
    panel.qmail.signal(signal.SIGSTOP)
    add_biliards()
    report = panel.sync()
    assert report.error == hup.NOT_TOLD
    assert report.cause == "HUP: qmail-send did not read control/virtualdomains"
    assert not report.live
    assert panel.host.memory.hup_owed
    assert rcpt("biliards@pandle.net") == 553
    panel.qmail.signal(signal.SIGCONT)
    panel.make_live()
    assert not panel.host.memory.hup_owed
    assert panel.send("biliards@pandle.net") == BILIARDS


def test_an_owed_hup_is_made_up_for_by_another_process(panel, impatient) -> None:
    panel.qmail.start()
    panel.qmail.signal(signal.SIGSTOP)
    add_biliards()
    panel.sync()
    panel.qmail.signal(signal.SIGCONT)
    later = Panel(panel.qmail)
    later.make_live()
    assert later.send("biliards@pandle.net") == BILIARDS
    later.host.memory.close()


# users/cdb


def cdb_inode() -> int:
    return (HOME / "users/cdb").stat().st_ino


def compiled(directory: Path) -> bytes:
    """What the panel would make of users/assign itself."""
    with (directory / "cdb").open("w+b") as file:
        cdb.compile_assign((HOME / "users/assign").read_bytes(), file)
    return (directory / "cdb").read_bytes()


def test_the_map_is_made_by_the_homes_own_qmail_newu(panel, tmp_path) -> None:
    assert is_home_compiled_in(HOME / "bin/qmail-newu", panel.host.home)
    add_biliards()
    panel.make_live()
    before = cdb_inode()
    new_mailbox(new_domain("b.test"), "ann")
    panel.make_live()
    assert cdb_inode() != before
    assert (HOME / "users/cdb").read_bytes() == compiled(tmp_path)


def test_while_qmail_newu_fails_the_old_map_serves(panel) -> None:
    panel.qmail.start()
    add_biliards()
    panel.make_live()
    before = cdb_inode()
    obstacle = HOME / "users/cdb.tmp"
    obstacle.mkdir()
    ann = new_mailbox(new_domain("b.test"), "ann")
    report = panel.sync()
    assert report.error == map_compiler.NOT_COMPILED[Shared.ASSIGN]
    assert "qmail-newu: fatal: unable to open users/cdb.tmp" in report.cause
    assert cdb_inode() == before
    assert panel.send("biliards@pandle.net") == BILIARDS
    assert rcpt("ann@b.test") == 553
    obstacle.rmdir()
    panel.make_live()
    assert panel.send("ann@b.test") == {"in b.test/ann"}
    obstacle.mkdir()
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    assert panel.send("ann@b.test") == {"in b.test/ann"}


def test_a_map_that_vanished_is_made_again(panel) -> None:
    panel.qmail.start()
    add_biliards()
    panel.make_live()
    os.unlink(HOME / "users/cdb")
    panel.reconciler.reconcile(all_domains())
    assert panel.send("biliards@pandle.net") == BILIARDS
