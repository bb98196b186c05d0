"""The mail user owns what lies below the mail root, and may not be our friend."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox
from qmailpanel.mailboxes.services import switch_mailbox
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import SyncDrift
from tests.kit.panels import Panel

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root"),
]

SECRET = b"root:$6$secret\n"


@pytest.fixture
def outside(in_memory: Path) -> Path:
    """A directory of root's with a secret, which nobody below the mail root may reach."""
    place = in_memory / "outside"
    place.mkdir(mode=0o755)
    (place / "secret").write_bytes(SECRET)
    (place / "secret").chmod(0o600)
    return place


@pytest.fixture
def domain(panel: Panel) -> Domain:
    """pandle.net with ann and info live, and a mailbox bob to come."""
    found = panel.add_domain()
    panel.add_mailbox(found, "ann")
    panel.add_alias(found, "info", "one@side.test", "two@side.test")
    panel.sync()
    return found


def facts(place: Path) -> Any:
    """Names, owners, modes and contents."""
    return [
        (path.name, path.stat().st_uid, path.stat().st_mode, path.is_file() and path.read_bytes())
        for path in (place, *sorted(place.iterdir()))
    ]


def plant(path: Path, kind: str, outside: Path) -> None:
    """Something in the place of what the service makes."""
    if kind == "link to a directory":
        path.symlink_to(outside)
    elif kind == "link to a file":
        path.symlink_to(outside / "secret")
    elif kind == "dangling link":
        path.symlink_to(outside / "made by the service")
    elif kind == "hard link":
        os.link(outside / "secret", path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"a file\n")


LINKS = ["link to a directory", "link to a file", "dangling link"]
KINDS = [*LINKS, "hard link", "fifo", "file"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_in_the_place_of_a_home_is_not_entered(panel, domain, outside, kind) -> None:
    before = facts(outside)
    plant(panel.below("pandle.net/bob"), kind, outside)
    bob = panel.add_mailbox(domain, "bob")
    eve = panel.add_mailbox(domain, "eve")
    panel.sync()
    assert facts(outside) == before
    assert panel.status(bob) is Status.FAILED
    assert panel.status(eve) is Status.LIVE
    assert panel.answer("=100-bob") is None
    assert panel.answer("=100-ann") is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"])
def test_a_maildir_is_mended_without_following_anything(panel, domain, outside, name, kind) -> None:
    before = facts(outside)
    path = panel.below(f"pandle.net/ann/{name}")
    path.rename(path.with_name("moved away"))
    plant(path, kind, outside)
    panel.sync()
    assert facts(outside) == before
    assert panel.answer("=100-info") is None
    assert b"=100-ann:" in panel.read("users/assign")


@pytest.mark.parametrize("kind", [*KINDS, "directory"])
def test_an_unclean_maildirsize_harms_nobody_else(panel, domain, outside, kind) -> None:
    before = facts(outside)
    path = panel.below("pandle.net/ann/Maildir/maildirsize")
    path.unlink()
    plant(path, kind, outside)
    panel.sync()
    assert facts(outside) == before


@pytest.mark.parametrize("kind", [*LINKS, "hard link", "fifo", "directory"])
@pytest.mark.parametrize("name", ["ann/.qmail", ".qmail-default", ".qmail-info"])
def test_what_stands_in_the_place_of_a_dot_qmail_file_is_neither_read_nor_written(
    panel, domain, outside, name, kind
) -> None:
    before = facts(outside)
    path = panel.below(f"pandle.net/{name}")
    path.unlink()
    plant(path, kind, outside)
    ann = domain.addresses.get(local="ann")
    switch_mailbox(SYSTEM, ann, on=False)
    report = panel.sync()
    shown = [(d.actual, d.wanted) for d in SyncDrift.objects.all()]
    assert facts(outside)[1:] == before[1:] or kind == "hard link"
    assert (outside / "secret").read_bytes() == SECRET
    assert (outside / "secret").stat().st_uid == 0
    assert SECRET.decode().strip() not in str(shown)
    assert any(report.problems.values())


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_in_the_place_of_a_domain_is_not_entered(panel, outside, kind) -> None:
    panel.sync()
    panel.below("").mkdir(exist_ok=True)
    before = facts(outside)
    plant(panel.below("pandle.net"), kind, outside)
    bad, good = panel.add_domain(), panel.add_domain("good.test")
    panel.add_mailbox(bad, "ann")
    panel.sync()
    assert facts(outside) == before
    assert panel.status_of_domain(bad) is Status.FAILED
    assert panel.status_of_domain(good) is Status.LIVE
    assert b"pandle.net" not in panel.read("control/rcpthosts")


@pytest.mark.parametrize("kind", [*LINKS, "hard link", "fifo"])
def test_a_planted_temporary_name_is_not_written_through(panel, domain, outside, kind) -> None:
    before = facts(outside)
    for place in ("pandle.net", "pandle.net/ann"):
        plant(panel.below(f"{place}/.qmailpanel-new"), kind, outside)
    switch_mailbox(SYSTEM, domain.addresses.get(local="ann"), on=False)
    panel.add_alias(domain, "new", "one@side.test", "two@side.test")
    panel.sync()
    assert [fact[1:] for fact in facts(outside)[1:]] == [fact[1:] for fact in before[1:]]
    assert b"bouncesaying" in panel.below("pandle.net/ann/.qmail").read_bytes()
    assert panel.below("pandle.net/.qmail-new").read_bytes().count(b"&") == 2


@pytest.mark.parametrize("kind", LINKS)
def test_a_home_that_became_a_link_is_not_archived(panel, domain, outside, kind) -> None:
    before = facts(outside)
    home = panel.below("pandle.net/ann")
    home.rename(home.with_name("moved away"))
    plant(home, kind, outside)
    ann = domain.addresses.get(local="ann")
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    assert facts(outside) == before
    assert home.is_symlink()
    assert panel.answer("=100-ann") is None


@pytest.mark.parametrize("kind", LINKS)
def test_an_archive_that_is_a_link_is_not_entered(panel, domain, outside, kind) -> None:
    before = facts(outside)
    plant(panel.below(".archive"), kind, outside)
    remove_mailbox(SYSTEM, domain.addresses.get(local="ann"))
    panel.sync()
    assert facts(outside) == before
    assert panel.below("pandle.net/ann/Maildir/new").is_dir()


@pytest.fixture
def removed(panel: Panel, domain: Domain) -> Any:
    """ann, whose mail is in the archive."""
    ann = domain.addresses.get(local="ann")
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    panel.sync()
    return ann


def archived(panel: Panel, address: Any) -> Path:
    return panel.below(f".archive/{Mailbox.objects.get(address=address).home}")


@pytest.mark.parametrize("kind", [*KINDS, "directory"])
@pytest.mark.parametrize("name", ["Maildir/new/1.mail", "Maildir/.Sub", ".up-0", "x"])
def test_what_was_planted_in_a_home_is_destroyed_with_it_and_nothing_is_followed(
    panel, removed, outside, name, kind
) -> None:
    before = facts(outside)
    home = archived(panel, removed)
    plant(home / name, kind, outside)
    (home / "Maildir/cur/a/b").mkdir(parents=True)
    plant(home / "Maildir/cur/a/b/deep", kind, outside)
    purge_mailbox(SYSTEM, removed)
    panel.sync()
    assert os.listdir(panel.below(".archive")) == []
    assert facts(outside) == before
    assert panel.status(removed) is Status.REMOVED


@pytest.mark.parametrize("kind", ["link to a directory", "file", "fifo"])
def test_what_stands_in_the_place_of_an_archived_home_is_not_destroyed(
    panel, removed, outside, kind
) -> None:
    before = facts(outside)
    home = archived(panel, removed)
    home.rename(home.with_name("elsewhere"))
    plant(home, kind, outside)
    purge_mailbox(SYSTEM, removed)
    panel.sync()
    assert facts(outside) == before
    assert os.path.lexists(home)
    assert panel.status(removed) is Status.FAILED
    assert "could not be purged" in panel.problem(removed).text


@pytest.mark.parametrize("kind", [*LINKS, "somebody else's"])
def test_an_archive_that_is_not_ours_is_not_purged(panel, removed, outside, kind) -> None:
    before = facts(outside)
    archive = panel.below(".archive")
    if kind == "somebody else's":
        os.chown(archive, 110, 31)
    else:
        archive.rename(archive.with_name(".moved"))
        plant(archive, kind, outside)
    purge_mailbox(SYSTEM, removed)
    panel.sync()
    assert facts(outside) == before
    if kind != "dangling link":
        assert panel.status(removed) is Status.FAILED


def test_a_directory_that_becomes_a_link_while_it_is_purged_is_not_followed(
    panel, removed, outside, monkeypatch
) -> None:
    before = facts(outside)
    home = archived(panel, removed)
    unlink = os.unlink
    swapped: list[str] = []

    def racing(name: Any, *arguments: Any, **options: Any) -> None:
        """Between the look that finds a directory and the opening of it."""
        try:
            unlink(name, *arguments, **options)
        except IsADirectoryError:
            doomed = home.with_name(f".purging-{home.name}")
            if name == "Maildir" and not swapped:
                (doomed / "Maildir").rename(doomed / "moved")
                (doomed / "Maildir").symlink_to(outside)
                swapped.append(name)
            raise

    monkeypatch.setattr(os, "unlink", racing)
    purge_mailbox(SYSTEM, removed)
    panel.sync()
    assert swapped
    assert facts(outside) == before
    panel.sync()
    assert os.listdir(panel.below(".archive")) == []


@pytest.mark.parametrize("name", ["users/assign", "control/rcpthosts", "control/virtualdomains"])
def test_a_shared_file_that_is_a_link_is_named_and_left_alone(panel, outside, name) -> None:
    before = facts(outside)
    path = panel.home / name
    path.unlink()
    path.symlink_to(outside / "secret")
    panel.add_domain()
    report = panel.sync()
    assert name in report.error
    assert path.is_symlink()
    assert facts(outside) == before
