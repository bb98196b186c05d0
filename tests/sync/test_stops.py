"""Whatever stands below the mail root fails its own address or domain, and stops nobody else."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qmailpanel.domains.models import Domain
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox
from qmailpanel.mailboxes.services import change_quota
from qmailpanel.qmail.names import DOMAIN_LENGTH, DomainName, LocalPart
from qmailpanel.reports.models import SyncNode, SyncProblem, Usage
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.reconcile import Reconciler, open_host
from tests.kit.panels import Panel, settle

SHAPES = ("link", "link to itself", "missing")
PLACES = ("pandle.net", "pandle.net/ann", "pandle.net/ann/Maildir", ".archive")


def put_in_place(path: Path, shape: str) -> None:
    """Something else in the place of a directory, which is moved away."""
    away = path.parent / "moved away"
    if path.exists():
        path.rename(away)
    else:
        away.mkdir()
    if shape == "link":
        path.symlink_to(away.name)
    elif shape == "link to itself":
        path.symlink_to(path.name)


def rename_ann(domain: Domain) -> None:
    rename_address(SYSTEM, domain.addresses.get(local="ann"), LocalPart("anna"), keep=True)


def rename_all(domain: Domain) -> None:
    rename_domain(SYSTEM, domain, DomainName("new.test"), keep=True)


def remove_ann(domain: Domain) -> None:
    remove_mailbox(SYSTEM, domain.addresses.get(local="ann"))


def purge_old(domain: Domain) -> None:
    purge_mailbox(SYSTEM, domain.addresses.get(local="old"))


def limit_ann(domain: Domain) -> None:
    change_quota(SYSTEM, domain.addresses.get(local="ann"), quota=1000, messages=0)


CHANGES = (rename_ann, rename_all, remove_ann, purge_old, limit_ann)


@pytest.fixture
def domain(panel: Panel) -> Domain:
    """pandle.net with ann live, and old in the archive."""
    domain = panel.add_domain()
    panel.add_mailbox(domain, "ann")
    old = panel.add_mailbox(domain, "old")
    panel.sync()
    remove_mailbox(SYSTEM, old)
    panel.sync()
    return domain


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("place", "shape"), [*itertools.product(PLACES, SHAPES), ("", "missing")])
def test_what_stands_below_the_mail_root_stops_nobody_else(
    panel: Panel, domain: Domain, place: str, shape: str, change: Callable[[Domain], None]
) -> None:
    put_in_place(panel.below(place), shape)
    change(domain)
    other = panel.add_domain("other.test")
    for _ in range(2):  # also what the first run left behind
        assert panel.sync().error == ""
    assert panel.status(panel.add_mailbox(other, "ben")) is Status.PENDING
    assert panel.sync().error == ""
    assert panel.status_of_domain(other) is Status.LIVE
    assert panel.status(other.addresses.get(local="ben")) is Status.LIVE
    assert not SyncProblem.objects.filter(domain=None).exists()


@pytest.mark.parametrize("place", ["", *PLACES])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_round_of_the_service_ends_over_what_stands_below_the_mail_root(
    panel: Panel, domain: Domain, shape: str, place: str
) -> None:
    put_in_place(panel.below(place), shape)
    service = panel.serve()
    other = panel.add_domain("other.test")
    settle(service)
    leads_nowhere = not place and shape == "link to itself"
    assert panel.status_of_domain(other) is (Status.FAILED if leads_nowhere else Status.LIVE)


@pytest.mark.parametrize("place", ["new.test", "new.test/ann"])
def test_a_link_that_nobody_knows_any_more_is_to_be_moved_away(
    panel: Panel, domain: Domain, place: str
) -> None:
    """A rename left it, and the memory was lost."""
    panel.below(place).parent.mkdir(exist_ok=True)
    panel.below(place).symlink_to(domain.name)
    ann = panel.add_mailbox(panel.add_domain("new.test"), "ann")
    panel.sync()
    assert panel.status(ann) is Status.FAILED
    cause = "Not a directory: not a directory of ours; move it away"
    assert panel.problem(ann).cause == f"{place}: {cause}"
    panel.below(place).unlink()
    panel.sync()
    assert panel.status(ann) is Status.LIVE


def test_a_link_that_cannot_be_taken_away_stops_nobody_and_is_not_forgotten(
    panel: Panel, domain: Domain
) -> None:
    host = open_host()
    host.memory.links = links = [("pandle.net/ann", "pandle.net/anna")]
    panel.below("pandle.net").rename(panel.below("away"))
    panel.below("pandle.net").symlink_to("away")
    assert Reconciler(host).reconcile([domain.pk]).error == ""
    assert host.memory.links == links
    panel.below("pandle.net").unlink()
    panel.below("away").rename(panel.below("pandle.net"))
    assert Reconciler(host).reconcile([domain.pk]).error == ""
    assert host.memory.links == []


@pytest.mark.parametrize("text", [b"0S,0C\n" + b"1 1\n" * 40_000, b"nonsense\n"])
def test_an_unreadable_maildirsize_is_made_anew_when_its_limit_is_lifted(
    panel: Panel, domain: Domain, text: bytes
) -> None:
    ann = domain.addresses.get(local="ann")
    change_quota(SYSTEM, ann, quota=5000)
    panel.sync()
    panel.below("pandle.net/ann/Maildir/maildirsize").write_bytes(text)
    change_quota(SYSTEM, ann, quota=0)
    other = panel.add_domain("other.test")
    report = panel.sync()
    assert report.error == ""
    assert sum(step.startswith(("limit", "unlimit")) for step in report.steps) == 1
    assert panel.below("pandle.net/ann/Maildir/maildirsize").read_bytes() == b"0S,0C\n"
    assert panel.status(ann) is Status.LIVE
    assert panel.status_of_domain(other) is Status.LIVE


def test_a_domain_that_never_settles_fails_alone(
    panel: Panel, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that keeps no modes."""
    panel.below("pandle.net").chmod(0o777)
    give = os.fchmod

    def forget(fd: int, mode: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}") != str(panel.below("pandle.net")):
            give(fd, mode)

    monkeypatch.setattr(os, "fchmod", forget)
    other = panel.add_domain("other.test")
    panel.add_mailbox(domain, "ben")
    report = panel.sync()
    assert report.error == ""
    assert report.steps.count("make directory pandle.net") == 3
    assert panel.status_of_domain(domain) is Status.FAILED
    assert panel.status_of_domain(other) is Status.LIVE


def test_a_home_that_never_settles_fails_its_own_address(
    panel: Panel, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.below("pandle.net/ann").chmod(0o777)
    give = os.fchmod

    def forget(fd: int, mode: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}") != str(panel.below("pandle.net/ann")):
            give(fd, mode)

    monkeypatch.setattr(os, "fchmod", forget)
    ben = panel.add_mailbox(domain, "ben")
    assert panel.sync().error == ""
    assert panel.status(domain.addresses.get(local="ann")) is Status.FAILED
    assert panel.status(ben) is Status.LIVE


def test_a_directory_that_cannot_be_removed_is_left_and_the_domain_gone(
    panel: Panel, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file system of its own that is mounted there."""

    def is_busy(path: str, *, dir_fd: int | None = None) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)

    remove_mailbox(SYSTEM, domain.addresses.get(local="ann"))
    remove_domain(SYSTEM, domain)
    monkeypatch.setattr(os, "rmdir", is_busy)
    report = panel.sync()
    assert report.error == ""
    assert report.steps.count("remove directory pandle.net if it is empty") == 1
    assert panel.status_of_domain(domain) is Status.REMOVED
    assert panel.below("pandle.net").is_dir()
    assert panel.sync().steps == []


def test_the_longest_names_and_local_parts_become_live(panel: Panel) -> None:
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * DOMAIN_LENGTH])[:DOMAIN_LENGTH]
    domain = panel.add_domain(name)
    box = panel.add_mailbox(domain, "e" * 64)
    alias = panel.add_alias(domain, "f" * 64, "one@side.test", "two@side.test")
    add_alias_domain(SYSTEM, domain, DomainName("z" + name[1:]))
    assert panel.sync().error == ""
    assert panel.status_of_domain(domain) is Status.LIVE
    assert [panel.status(box), panel.status(alias)] == [Status.LIVE, Status.LIVE]
    assert sorted(path.name for path in (panel.home / "logins").glob("*.passwd")) == [
        f"{name}.passwd",
        f"z{name[1:]}.passwd",
    ]


def test_a_mail_root_that_is_a_link_is_followed_and_said(panel: Panel) -> None:
    root, disk = panel.below(""), panel.home / "disk"
    if root.exists():
        root.rmdir()
    disk.mkdir()
    root.symlink_to(disk)
    domain = panel.add_domain()
    ann = panel.add_mailbox(domain, "ann")
    assert panel.sync().error == ""
    assert panel.status_of_domain(domain) is Status.LIVE
    assert panel.status(ann) is Status.LIVE
    assert f":{root}/pandle.net/ann:::".encode() in panel.read("users/assign")
    assert (disk / "pandle.net/ann/Maildir").is_dir()
    assert SyncNode.objects.get().note.endswith(f"Mail is kept in {disk}: {root} leads there.")
    service = panel.serve()
    assert Usage.objects.filter(address=ann.pk).exists()
    remove_mailbox(SYSTEM, ann)
    rename_all(domain)
    settle(service)
    assert panel.status_of_domain(domain) is Status.LIVE
    assert not SyncProblem.objects.exists()
