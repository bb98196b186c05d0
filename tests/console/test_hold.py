"""Confirm mode: changes gather, and nothing of them reaches the host before they are applied."""

from __future__ import annotations

from typing import Any

import pytest

from qmailpanel.console.decisions import put_ours_back
from qmailpanel.console.services import apply_changes, switch_hold
from qmailpanel.domains.models import Domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change, Hold, Verb
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.models import SyncNode
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import SyncDrift
from qmailpanel.sync.reconcile import open_host
from qmailpanel.sync.service import Service
from tests.kit.panels import Panel, settle


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    domain = panel.add_domain("pandle.net")
    panel.add_mailbox(domain, "ann")
    return domain


@pytest.fixture
def service(panel: Panel, pandle: Domain) -> Service:
    """A service at work, with everything live, when the switch is set."""
    found = panel.serve()
    switch_hold(SYSTEM, on=True)
    found.turn()
    return found


def newest() -> int:
    return Change.objects.latest("id").pk


def node() -> SyncNode:
    return SyncNode.objects.get()


def test_what_is_changed_stays_pending_until_it_is_applied(panel, pandle, service) -> None:
    box = panel.add_mailbox(pandle, "bob")
    other = panel.add_domain("b.test")
    settle(service)
    assert {panel.status(box), panel.status_of_domain(other)} == {Status.PENDING}
    assert panel.answer("=100-bob") is None
    assert not panel.below("b.test").exists()
    assert node().holding == 2
    assert "make home pandle.net/bob" in node().preview
    assert "+ b.test" in node().preview
    apply_changes(SYSTEM, newest())
    service.turn()
    assert {panel.status(box), panel.status_of_domain(other)} == {Status.LIVE}
    assert (node().holding, node().preview) == (0, "")


def test_what_came_after_the_page_was_shown_waits_on(panel, pandle, service) -> None:
    first = panel.add_domain("b.test")
    shown = newest()
    second = panel.add_domain("c.test")
    service.turn()
    apply_changes(SYSTEM, shown)
    service.turn()
    assert panel.status_of_domain(first) is Status.LIVE
    assert panel.status_of_domain(second) is Status.PENDING
    assert node().holding == 1


def test_a_removal_waits_too_and_its_mailbox_goes_on_meanwhile(panel, pandle, service) -> None:
    ann = pandle.addresses.get(local="ann")
    remove_mailbox(SYSTEM, ann)
    settle(service)
    assert panel.answer("=100-ann")
    assert panel.below("pandle.net/ann/Maildir").is_dir()
    assert "archive home pandle.net/ann" in node().preview
    apply_changes(SYSTEM, newest())
    service.turn()
    assert panel.status(ann) is Status.REMOVED


def test_what_is_live_is_healed_though_changes_wait(panel, pandle, service) -> None:
    panel.add_mailbox(pandle, "bob")
    service.turn()
    before = panel.read("users/assign")
    panel.write("users/assign", b"=7-joe:joe:7:7:/home/joe:::\n.\n")
    (panel.home / "users/cdb").unlink()
    settle(service)
    assert panel.answer("=100-ann")
    assert panel.answer("=100-bob") is None
    assert set(panel.read("users/assign").splitlines()) == set(before.splitlines())


def test_a_service_that_starts_anew_still_waits(panel, pandle, service) -> None:
    box = panel.add_mailbox(pandle, "bob")
    later = Service(open_host())
    settle(later)
    assert panel.status(box) is Status.PENDING
    assert node().holding == 1
    panel.sync()
    assert panel.status(box) is Status.PENDING
    apply_changes(SYSTEM, newest())
    later.turn()
    assert panel.status(box) is Status.LIVE


def test_without_the_switch_all_that_waited_is_applied(panel, pandle, service) -> None:
    box = panel.add_mailbox(pandle, "bob")
    service.turn()
    switch_hold(SYSTEM, on=False)
    service.turn()
    assert panel.status(box) is Status.LIVE
    assert node().holding == 0


def test_applying_is_a_change_of_the_ledger_and_twice_is_once(panel, pandle, service) -> None:
    panel.add_mailbox(pandle, "bob")
    through = newest()
    for _ in range(2):
        apply_changes(SYSTEM, through)
    applied = Change.objects.get(verb=Verb.APPLIED)
    assert applied.after == {"changes": 1}
    apply_changes(SYSTEM, 10**9)
    assert Hold.objects.get().through <= newest()


def test_the_operator_switches_and_applies(as_operator: Any, domain: Domain) -> None:
    assert as_operator.post("/sync/hold/", {"on": "1"}).status_code == 303
    SyncNode.objects.create(node="main", holding=1)
    page = as_operator.get("/sync/").content.decode()
    assert "Apply these changes" in page
    assert f'name="through" value="{domain.change_id}"' in page
    assert as_operator.post("/sync/apply/", {"through": "x"}).status_code == 303
    assert Hold.objects.get().on
    assert as_operator.post("/sync/hold/", {"on": "0"}).status_code == 303
    assert not Hold.objects.get().on


def test_a_decision_about_drift_waits_too(panel, pandle, service) -> None:
    ours = panel.read("users/assign")
    theirs = ours.replace(b"=100-ann:popuser:110:31", b"=100-ann:joe:7:7")
    panel.write("users/assign", theirs)
    settle(service)
    put_ours_back(SYSTEM, SyncDrift.objects.get())
    settle(service)
    assert sorted(panel.lines("users/assign")) == sorted(theirs.decode().splitlines())
    assert "+ =100-ann:popuser:110:31" in node().preview
    apply_changes(SYSTEM, newest())
    settle(service)
    assert sorted(panel.lines("users/assign")) == sorted(ours.decode().splitlines())


def test_a_domain_whose_new_name_waits_is_healed_under_its_old_one(panel, pandle, service) -> None:
    rename_domain(SYSTEM, pandle, DomainName("pandle.com"), keep=False)
    settle(service)
    hosts = panel.lines("control/rcpthosts")
    panel.write("control/rcpthosts", b"old.test\n")
    settle(service)
    assert panel.lines("control/rcpthosts") == hosts
    assert panel.below("pandle.net/ann/Maildir").is_dir()
    assert "move pandle.net to pandle.com" in node().preview
    apply_changes(SYSTEM, newest())
    settle(service)
    assert panel.below("pandle.com/ann/Maildir").is_dir()


def test_a_move_cut_short_keeps_its_link_while_changes_wait(
    panel, pandle, service, monkeypatch
) -> None:
    """What was applied still names the old home, until the rest of the rename may be applied."""
    ann = pandle.addresses.get(local="ann")
    rename_address(SYSTEM, ann, LocalPart("anna"), keep=False)
    apply_changes(SYSTEM, newest())
    with monkeypatch.context() as patched:
        patched.setattr(Memory, "intend", fail)
        service.turn()
    panel.add_mailbox(pandle, "bob")
    settle(service)
    assert b"pandle.net/ann" in (panel.answer("=100-ann") or b"")
    assert panel.below("pandle.net/ann/Maildir").is_dir()
    apply_changes(SYSTEM, newest())
    settle(service)
    assert panel.status(ann) is Status.LIVE
    assert not panel.below("pandle.net/ann").is_symlink()


def fail(*_arguments: object) -> None:
    raise HostError("The disk is full.")


@pytest.mark.parametrize("page", ["hold", "apply"])
def test_only_operators_hold_and_apply(as_colleague: Any, page: str) -> None:
    assert as_colleague.post(f"/sync/{page}/", {"on": "1", "through": "9"}).status_code == 404
    assert not Hold.objects.exists()
