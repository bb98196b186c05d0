"""A domain's directory on a file system of its own: no mail is lost, and no change stuck."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import (
    purge_due,
    purge_mailbox,
    remove_mailbox,
    restore_mailbox,
)
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.names import DomainName
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
