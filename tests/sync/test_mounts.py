"""A domain's directory on a file system of its own: no mail is lost, and no change stuck."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import (
    purge_due,
    purge_mailbox,
    remove_mailbox,
    restore_mailbox,
)
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.mounts import bind, may_mount, mounted, unmount
from tests.kit.panels import Panel

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount"),
]


@pytest.fixture
def directory(panel: Panel) -> Iterator[Path]:
    """That of pandle.net, on a file system of its own."""
    with mounted(panel.below("pandle.net")) as directory:
        yield directory


@pytest.fixture
def domain(panel: Panel, directory: Path) -> Domain:
    return panel.add_domain()


@pytest.fixture
def ann(panel: Panel, domain: Domain) -> Address:
    """She has mail, and is live."""
    ann = panel.add_mailbox(domain, "ann")
    panel.sync()
    panel.below("pandle.net/ann/Maildir/new/1.mail").write_text("hello")
    assert panel.status(ann) is Status.LIVE
    return ann


def mails(panel: Panel) -> list[str]:
    """Where there is a message, below the mail root."""
    root = panel.below("")
    return [str(path.relative_to(root)) for path in root.rglob("*.mail")]


def archived(ann: Address) -> str:
    return f"pandle.net/.archive/{ann.mailbox.home}/Maildir/new/1.mail"


HOME = "pandle.net/ann/Maildir/new/1.mail"


def test_a_removed_mailbox_is_archived_there_and_comes_back(panel, ann) -> None:
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    assert panel.status(ann) is Status.REMOVED
    assert mails(panel) == [archived(ann)]
    restore_mailbox(SYSTEM, ann)
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert mails(panel) == [HOME]


def test_an_archive_on_another_file_system_is_left_for_one_beside_the_home(panel) -> None:
    domain = panel.add_domain()
    ann = panel.add_mailbox(domain, "ann")
    panel.sync()
    panel.below("pandle.net/ann/Maildir/new/1.mail").write_text("hello")
    with mounted(panel.below(".archive")):
        remove_mailbox(SYSTEM, ann)
        panel.sync()
        assert panel.status(ann) is Status.REMOVED
        assert mails(panel) == [archived(ann)]


def test_the_archive_there_is_roots_alone(panel, ann, directory) -> None:
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    status = (directory / ".archive").stat()
    assert (status.st_uid, status.st_mode & 0o7777) == (0, 0o700)


def test_a_purged_mailbox_is_gone_from_there(panel, ann) -> None:
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    purge_mailbox(SYSTEM, ann)
    panel.sync()
    assert panel.status(ann) is Status.REMOVED
    assert mails(panel) == []


def test_a_removed_domain_comes_to_its_end_and_back(panel, domain, ann) -> None:
    remove_domain(SYSTEM, domain)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.REMOVED
    assert mails(panel) == [archived(ann)]
    restore_domain(SYSTEM, domain)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE
    assert mails(panel) == [HOME]


def test_mail_of_a_domain_whose_name_another_one_has_is_purged_from_there(
    panel, domain, ann
) -> None:
    remove_domain(SYSTEM, domain)
    panel.sync()
    newer = panel.add_domain()
    panel.add_mailbox(newer, "ann")
    panel.sync()
    assert mails(panel) == [archived(ann)]
    purge_due(timezone.now() + timedelta(days=31))
    panel.serve()
    assert panel.status(ann) is Status.REMOVED
    assert panel.status_of_domain(newer) is Status.LIVE
    assert mails(panel) == []


def test_mail_archived_on_another_file_system_waits_for_who_copies_it(panel) -> None:
    domain = panel.add_domain()
    ann = panel.add_mailbox(domain, "ann")
    panel.sync()
    panel.below("pandle.net/ann/Maildir/new/1.mail").write_text("hello")
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    home = str(ann.mailbox.home)
    with mounted(panel.below("pandle.net")) as directory:
        restore_mailbox(SYSTEM, ann)
        panel.sync()
        assert panel.status(ann) is Status.FAILED
        assert f".archive/{home}, is on another file system" in panel.problem(ann).cause
        assert mails(panel) == [f".archive/{home}/Maildir/new/1.mail"]
        (directory / ".archive").mkdir(0o700)
        shutil.copytree(panel.below(f".archive/{home}"), directory / ".archive/copy")
        (directory / ".archive/copy").rename(directory / ".archive" / home)
        panel.sync()
        assert panel.status(ann) is Status.LIVE
        assert HOME in mails(panel)


def test_a_renamed_domain_says_what_its_directory_waits_for(panel, domain, ann, directory) -> None:
    other = panel.add_domain("other.test")
    rename_domain(SYSTEM, domain, DomainName("new.test"), keep=True)
    panel.sync()
    assert panel.status_of_domain(other) is Status.LIVE
    assert panel.status_of_domain(domain) is Status.FAILED
    assert "mount it as new.test too, then unmount pandle.net" in cause_of(domain)
    assert panel.answer("=100-ann") is not None
    new = panel.below("new.test")
    bind(directory, new)
    try:
        panel.sync()
        assert "mount it as new.test too, then unmount pandle.net" in cause_of(domain)
        unmount(directory)
        panel.sync()
        assert panel.status_of_domain(domain) is Status.FAILED
        directory.rmdir()
        panel.sync()
        assert panel.status_of_domain(domain) is Status.LIVE
        assert mails(panel) == ["new.test/ann/Maildir/new/1.mail"]
    finally:
        unmount(new)
        directory.mkdir()


def cause_of(domain: Domain) -> str:
    problem = Statuses([domain.pk]).problem_of_domain(domain)
    assert problem is not None
    return problem.cause


def test_a_home_that_is_a_mount_point_is_named_when_it_should_go(panel) -> None:
    domain = panel.add_domain()
    ann = panel.add_mailbox(domain, "ann")
    panel.sync()
    with mounted(panel.below("pandle.net/ann")):
        panel.sync()
        remove_mailbox(SYSTEM, ann)
        panel.sync()
        assert panel.status(ann) is Status.FAILED
        assert "pandle.net/ann is a mount point" in panel.problem(ann).cause
    panel.sync()
    assert panel.status(ann) is Status.REMOVED


def test_what_is_made_there_is_on_disk_before_anything_points_to_it(
    panel, domain, directory, monkeypatch
) -> None:
    syncfs, flushed = libc.syncfs, list[int]()

    def note(fd: int) -> None:
        if not panel.answer("=100-ann"):
            flushed.append(os.fstat(fd).st_dev)
        syncfs(fd)

    panel.sync()
    panel.add_mailbox(domain, "ann")
    monkeypatch.setattr(libc, "syncfs", note)
    panel.sync()
    assert set(flushed) == {directory.stat().st_dev, panel.below("").stat().st_dev}


# a file system that is not mounted


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that keeps its content while it is not mounted where it belongs."""
    with mounted(tmp_path / "disk") as disk:
        yield disk


@contextmanager
def used(disk: Path, place: Path) -> Iterator[None]:
    """The disk is mounted at that directory; afterwards what stands there is its own."""
    bind(disk, place)
    try:
        yield
    finally:
        unmount(place)


@pytest.fixture
def away(panel: Panel, disk: Path) -> Address:
    """She is live, with mail, in a domain whose file system is not mounted any more."""
    with used(disk, panel.below("pandle.net")):
        ann = panel.add_mailbox(panel.add_domain(), "ann")
        panel.add_alias(ann.domain, "info", "one@side.test")
        panel.sync()
        panel.below(HOME).write_text("hello")
        assert panel.status(ann) is Status.LIVE
    return ann


def test_what_is_not_mounted_is_not_made_anew(panel, away, disk) -> None:
    other = panel.add_mailbox(panel.add_domain("other.test"), "bob")
    panel.sync()
    place = panel.below("pandle.net")
    cause = f"pandle.net: its mail is not there: is the file system of {place} mounted?"
    assert cause_of(away.domain) == cause
    assert os.listdir(place) == []
    assert panel.answer("=100-ann") is not None
    assert panel.status(other) is Status.LIVE
    carl = panel.add_mailbox(away.domain, "carl")
    panel.sync()
    assert os.listdir(place) == []
    with used(disk, place):
        panel.sync()
        assert {panel.status(away), panel.status(carl)} == {Status.LIVE}
        assert mails(panel) == [HOME]


def test_what_is_asked_for_meanwhile_is_done_when_it_is_mounted(panel, away, disk) -> None:
    bob = panel.add_mailbox(away.domain, "bob")
    with used(disk, panel.below("pandle.net")):
        panel.sync()
    rename_address(SYSTEM, away, LocalPart("anna"), keep=False)
    remove_mailbox(SYSTEM, bob)
    panel.sync()
    assert panel.status_of_domain(away.domain) is Status.FAILED
    with used(disk, panel.below("pandle.net")):
        panel.sync()
        assert (panel.status(away), panel.status(bob)) == (Status.LIVE, Status.REMOVED)
        assert mails(panel) == ["pandle.net/anna/Maildir/new/1.mail"]
        assert (disk / f".archive/{bob.mailbox.home}/Maildir").is_dir()


def test_a_renamed_domain_waits_for_its_file_system_at_either_name(panel, away, disk) -> None:
    rename_domain(SYSTEM, away.domain, DomainName("new.test"), keep=False)
    panel.sync()
    assert "is the file system of" in cause_of(away.domain)
    assert os.listdir(panel.below("pandle.net")) == []
    assert not panel.below("new.test").exists()
    panel.below("pandle.net").rmdir()
    with used(disk, panel.below("new.test")):
        panel.sync()
        assert panel.status(away) is Status.LIVE
        assert mails(panel) == ["new.test/ann/Maildir/new/1.mail"]


@pytest.mark.parametrize("inside", ["", "mail"])
def test_where_the_mail_root_is_not_mounted_nothing_is_made(
    panel, disk, settings, tmp_path, inside
) -> None:
    place = tmp_path / "place"
    settings.QMAILPANEL_MAIL_ROOT = str(place / inside)
    with used(disk, place):
        ann = panel.add_mailbox(panel.add_domain(), "ann")
        panel.sync()
        assert panel.status(ann) is Status.LIVE
    new = panel.add_mailbox(panel.add_domain("new.test"), "bob")
    panel.sync()
    assert os.listdir(place) == []
    assert f"is the file system of {place} mounted?" in cause_of(ann.domain)
    assert f"is the file system of {place} mounted?" in cause_of(new.domain)
    with used(disk, place):
        panel.sync()
        assert {panel.status(ann), panel.status(new)} == {Status.LIVE}


def test_what_a_supervisor_binds_to_itself_is_not_taken_for_a_file_system(
    panel, disk, settings, tmp_path
) -> None:
    """As systemd does with each place that a unit may write."""
    place = tmp_path / "place"
    settings.QMAILPANEL_MAIL_ROOT = str(place)
    with used(disk, place):
        ann = panel.add_mailbox(panel.add_domain(), "ann")
        panel.sync()
    bind(place, place)
    try:
        panel.sync()
        assert panel.status_of_domain(ann.domain) is Status.FAILED
        assert os.listdir(place) == []
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_home_that_is_not_mounted_fails_its_own_address(panel, domain, disk) -> None:
    ann, bob = panel.add_mailbox(domain, "ann"), panel.add_mailbox(domain, "bob")
    panel.sync()
    home = panel.below("pandle.net/ann")
    shutil.copytree(home, disk, dirs_exist_ok=True)
    shutil.rmtree(home)
    with used(disk, home):
        panel.sync()
        panel.below(HOME).write_text("hello")
        assert panel.status(ann) is Status.LIVE
    panel.sync()
    assert "is the file system of" in panel.problem(ann).cause
    assert os.listdir(home) == []
    assert panel.answer("=100-ann") is not None
    assert panel.status(bob) is Status.LIVE
    home.rmdir()
    panel.sync()
    assert panel.status(ann) is Status.FAILED
    with used(disk, home):
        panel.sync()
        assert panel.status(ann) is Status.LIVE
        assert mails(panel) == [HOME]
    home.rmdir()


def test_mail_that_was_moved_off_its_file_system_is_where_it_is(panel, away, disk) -> None:
    place = panel.below("pandle.net")
    shutil.copytree(disk, place, dirs_exist_ok=True)
    panel.sync()
    assert panel.status(away) is Status.LIVE
    assert mails(panel) == [HOME]
    shutil.rmtree(place / "ann")
    panel.sync()
    assert panel.status(away) is Status.LIVE
    assert (place / "ann/Maildir/new").is_dir()


def test_a_home_that_was_deleted_on_a_file_system_is_made_again(panel, ann, directory) -> None:
    shutil.rmtree(directory / "ann")
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert (directory / "ann/Maildir/new").is_dir()


def test_a_domain_that_was_deleted_where_nothing_was_mounted_is_made_again(panel) -> None:
    ann = panel.add_mailbox(panel.add_domain(), "ann")
    panel.sync()
    shutil.rmtree(panel.below("pandle.net"))
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert panel.below("pandle.net/ann/Maildir/new").is_dir()


def test_an_old_copy_below_the_mount_point_is_not_taken_for_its_mail(panel, away, disk) -> None:
    """Of an earlier time: somebody came since."""
    place = panel.below("pandle.net")
    shutil.copytree(disk, place, dirs_exist_ok=True)
    with used(disk, place):
        panel.add_mailbox(away.domain, "bob")
        panel.sync()
    panel.sync()
    assert panel.status_of_domain(away.domain) is Status.FAILED
    assert not (place / "bob").exists()
