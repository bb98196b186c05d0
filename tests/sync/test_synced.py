"""What is said to be live, or noted as done, is on the disk: no power cut takes it.

tests/sync/test_power_cut.py cuts the power; here each change is watched at its system calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qmailpanel.aliases.services import change_alias
from qmailpanel.domains.models import Address
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox
from qmailpanel.mailboxes.services import change_quota, set_password
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.files import TEMPORARY
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from qmailpanel.qmail.plan.questions import LEDGER_MARK
from qmailpanel.reports.statuses import Status
from tests.kit.panels import Panel
from tests.kit.unsynced import Unsynced

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"
MARK = {LEDGER_MARK, f"users/{TEMPORARY}"}  # is on the disk with the next change of users/assign
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
        assert lost(unsynced, home) == set()
        call(*arguments)

    return noted


def lost(unsynced: Unsynced, home: Path) -> set[str]:
    """What of the host the power can still take, but for the mark of the ledger: see there."""
    paths = {os.path.relpath(path, os.path.realpath(home)) for path in unsynced.paths}
    return {path for path in paths if not path.startswith("..")} - MARK


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
    assert lost(unsynced, panel.home) == set()
    assert unsynced.replaced == []


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
    assert lost(unsynced, panel.home) != set()
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert lost(unsynced, panel.home) == set()
