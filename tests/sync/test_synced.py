"""What is said to be live, or noted as done, is on the disk: no power cut takes it.

tests/sync/test_power_cut.py cuts the power; here each change is watched at its system calls.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.aliases.services import change_alias, remove_alias
from qmailpanel.domains.models import Address, Unknown
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import change_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox
from qmailpanel.mailboxes.services import change_quota, set_password
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.scope import all_domains
from tests.kit.panels import Panel
from tests.kit.unsynced import Unsynced

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"
NOTING = ("move", "drop_move", "finish")


@pytest.fixture(params=["small", "large"])
def ann(panel: Panel, request: pytest.FixtureRequest) -> Address:
    """She is live, has a quota, a password and an alias."""
    if request.param == "large":
        panel.have_shards("pandle.net")
    ann = panel.add_mailbox(panel.add_domain(), "ann")
    set_password(SYSTEM, ann, stored=HASH)
    change_quota(SYSTEM, ann, quota=5_000_000)
    panel.add_alias(ann.domain, "info", "one@side.test")
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    return ann


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch, panel: Panel) -> Iterator[Unsynced]:
    """Watched until the end of the test; what the memory notes as done is on the disk."""
    unsynced = Unsynced()
    for name in NOTING:
        monkeypatch.setattr(Memory, name, _requiring(unsynced, panel.home, getattr(Memory, name)))
    with unsynced.watch():
        yield unsynced


def _requiring(unsynced: Unsynced, home: Path, call: Callable[..., None]) -> Callable[..., None]:
    def noted(*arguments: object) -> None:
        assert unsynced.below(home) == set()
        call(*arguments)

    return noted


def add(ann: Address, panel: Panel) -> None:
    panel.add_mailbox(ann.domain, "bob")


def give_password(ann: Address, _: Panel) -> None:
    set_password(SYSTEM, ann, stored=f"{HASH}y")


def limit(ann: Address, _: Panel) -> None:
    change_quota(SYSTEM, ann, quota=7_000_000)


def turn(ann: Address, _: Panel) -> None:
    info = ann.domain.addresses.get(local="info")
    change_alias(SYSTEM, info, destinations=[MailAddress("two@side.test")])


def rename(ann: Address, _: Panel) -> None:
    rename_address(SYSTEM, ann, LocalPart("anna"), keep=False)


def rename_all(ann: Address, _: Panel) -> None:
    rename_domain(SYSTEM, ann.domain, DomainName("new.test"), keep=False)


def remove(ann: Address, _: Panel) -> None:
    remove_mailbox(SYSTEM, ann)


def remove_and_purge(ann: Address, panel: Panel) -> None:
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    purge_mailbox(SYSTEM, ann)


def remove_all(ann: Address, _: Panel) -> None:
    remove_domain(SYSTEM, ann.domain)


MADE = (add, give_password, limit, turn)
GONE = (remove, remove_and_purge, remove_all)


@pytest.mark.parametrize("change", [*MADE, rename, rename_all, *GONE])
def test_what_is_live_is_on_the_disk(panel, ann, unsynced, change) -> None:
    change(ann, panel)
    panel.sync()
    assert panel.status(ann) in (Status.LIVE, Status.REMOVED)
    assert unsynced.below(panel.home) == set()
    assert unsynced.replaced == []


Run = Callable[[], object]


class Killed(BaseException):
    """At any moment, and nobody catches it."""


@pytest.mark.parametrize("is_made", [True, False])
@pytest.mark.parametrize("change", [rename, rename_all])
def test_what_became_of_a_move_that_was_cut_is_on_the_disk_before_it_is_noted(
    panel, ann, unsynced, monkeypatch, change, is_made
) -> None:
    exchange = libc.exchange

    def end(directory: int, one: str, other: str) -> None:
        if is_made:
            exchange(directory, one, other)
        raise Killed

    change(ann, panel)
    with monkeypatch.context() as killed:
        killed.setattr(libc, "exchange", end)
        with pytest.raises(Killed):
            panel.sync()
    assert unsynced.below(panel.home) != set()
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert unsynced.below(panel.home) == set()


def fail(patch: pytest.MonkeyPatch, name: str, of: str, error: BaseException) -> None:
    """The call fails for the file or directory whose path ends so."""
    call = getattr(os, name)

    def failing(fd: int, *arguments: Any) -> Any:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(of):
            raise error
        return call(fd, *arguments)

    patch.setattr(os, name, failing)


def a_home_fails(ann: Address, panel: Panel, patch: pytest.MonkeyPatch, run: Run) -> None:
    """When it is whole."""
    panel.add_mailbox(ann.domain, "bob")
    fail(patch, "fchmod", "/pandle.net/bob", OSError(errno.EIO, "as the test wants it"))
    run()


def logins_fail(ann: Address, panel: Panel, patch: pytest.MonkeyPatch, run: Run) -> None:
    """When they are in place."""
    give_password(ann, panel)
    fail(patch, "fsync", "/logins", OSError(errno.EIO, "as the test wants it"))
    run()


def others_write(ann: Address, panel: Panel, patch: pytest.MonkeyPatch, run: Run) -> None:
    lines = [b"=8-jim:jim:8:8:/home/jim:::\n"]

    def write() -> None:
        if lines:
            panel.write("users/assign", lines.pop() + panel.read("users/assign"))

    turn_and_write(ann, panel, patch, run, write)
    assert not lines


def a_file_fails(ann: Address, panel: Panel, patch: pytest.MonkeyPatch, run: Run) -> None:
    def refuse() -> None:
        raise OSError(errno.EIO, "as the test wants it")

    turn_and_write(ann, panel, patch, run, refuse)


def turn_and_write(
    ann: Address, panel: Panel, patch: pytest.MonkeyPatch, run: Run, before: Run
) -> None:
    """A dot-qmail file is turned, and then users/assign written, `before` which that is done."""
    team = panel.add_alias(ann.domain, "team", "ann@pandle.net")
    change_domain(SYSTEM, ann.domain, unknown=Unknown.FORWARD, unknown_target="ann@pandle.net")
    run()
    exchange = libc.exchange

    def exchange_then(*arguments: Any) -> None:
        before()
        exchange(*arguments)

    change_domain(SYSTEM, ann.domain, unknown=Unknown.BOUNCE, unknown_target="")
    remove_alias(SYSTEM, team)
    patch.setattr(libc, "exchange", exchange_then)
    run()


def another_is_killed(ann: Address, panel: Panel, patch: pytest.MonkeyPatch, _: Run) -> None:
    give_password(ann, panel)
    fail(patch, "fsync", "/logins", Killed())
    with pytest.raises(Killed):
        panel.sync()


@pytest.mark.parametrize(
    "cut", [a_home_fails, logins_fail, others_write, a_file_fails, another_is_killed]
)
def test_what_was_not_done_to_its_end_is_on_the_disk_before_it_is_live(
    panel, ann, unsynced, monkeypatch, cut
) -> None:
    run = partial(Reconciler(open_host()).reconcile, all_domains(), absent=True)
    run()
    with monkeypatch.context() as patch:
        cut(ann, panel, patch, run)
    run()
    assert panel.status_of_domain(ann.domain) is Status.LIVE
    assert unsynced.below(panel.home) == set()
