"""What people change while the service is at long work, and mail that goes over both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from qmailpanel.aliases.services import change_alias, remove_alias
from qmailpanel.domains.models import Address, Unknown
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.qmail.names import DomainName, MailAddress
from qmailpanel.sync import reconcile
from tests.kit.deliveries import find_ends
from tests.kit.panels import Panel, settle

Deed = Callable[[], object]
NOBODY: dict[str, Any] = {"unknown": Unknown.BOUNCE, "unknown_target": "", "subdomains": False}


@pytest.fixture(autouse=True)
def in_slices(monkeypatch) -> None:
    monkeypatch.setattr(reconcile, "SLICE_SECONDS", 0.0)


class Work:
    """slow.test gets five boxes; in the pauses people change other domains."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.slow, self.quick = panel.add_domain("slow.test"), panel.add_domain("quick.test")
        self.third = panel.add_domain("third.test")
        self.bob = panel.add_mailbox(self.quick, "bob")
        self.far = self.alias("far@quick.test", "bob@quick.test")
        self.running = panel.serve()
        self.made_at = 0  # the step that made the last box

    def alias(self, address: str, *targets: str) -> Address:
        local, _, name = address.partition("@")
        domains = {domain.name: domain for domain in (self.slow, self.quick, self.third)}
        return self.panel.add_alias(domains[name], local, *targets, "out@side.test")

    def turn(self, alias: Address, *targets: str) -> None:
        addresses = [MailAddress(target) for target in (*targets, "out@side.test")]
        change_alias(SYSTEM, alias, destinations=addresses)

    def go(self, address: str, *deeds: Deed) -> list[set[str]]:
        """Does one of these in each pause. Who gets mail to the address, before each step."""
        for number in range(5):
            self.panel.add_mailbox(self.slow, f"box{number}")
        left, seen = list(deeds), list[set[str]]()
        pause, apply = self.running._pause, self.running.host._apply

        def do_and_pause() -> None:
            if left:
                left.pop(0)()
            pause()

        def look_and_apply(*step: Any) -> None:
            apply(*step)
            self.made_at += not self.panel.below(f"{self.slow}/box4").exists()
            seen.append({place.name for _, place in find_ends(self.panel.home, address)})

        self.running.reconciler.pause = do_and_pause
        self.running.host._apply = look_and_apply  # type: ignore[assignment, method-assign]  # looks on
        settle(self.running)
        settle(self.running)  # what had to wait
        assert not left
        return seen


@pytest.fixture
def work(panel: Panel) -> Work:
    return Work(panel)


def test_nothing_is_led_to_a_mailbox_that_is_not_made_yet(work) -> None:
    seen = work.go("far@quick.test", lambda: work.turn(work.far, "box4@slow.test"))
    assert set() not in seen
    assert seen[-1] == {"box4"}


def test_nor_over_an_alias_of_a_third_domain(work) -> None:
    work.alias("on@third.test", "box4@slow.test")
    seen = work.go("far@quick.test", lambda: work.turn(work.far, "on@third.test"))
    assert set() not in seen
    assert seen[-1] == {"box4"}


def test_nor_by_what_catches_whom_an_alias_lets_go(work) -> None:
    target = "box4@slow.test"
    change_domain(SYSTEM, work.quick, unknown=Unknown.FORWARD, unknown_target=target)
    settle(work.running)
    seen = work.go("far@quick.test", lambda: remove_alias(SYSTEM, work.far))
    assert set() not in seen
    assert seen[-1] == {"box4"}


def test_no_mailbox_goes_before_what_is_at_work_leads_to_another(work) -> None:
    mary = work.panel.add_mailbox(work.quick, "mary")
    here = work.alias("here@slow.test", "mary@quick.test")
    settle(work.running)
    work.turn(here, "box4@slow.test")
    seen = work.go("here@slow.test", lambda: remove_mailbox(SYSTEM, mary))
    assert set() not in seen
    assert seen[-1] == {"box4"}


def test_what_leads_to_what_waits_waits_too(work) -> None:
    on = work.alias("on@third.test", "bob@quick.test")
    work.turn(work.far, "bob@quick.test")
    new = work.alias("new@quick.test", "nobody@side.test")
    settle(work.running)
    deeds = [lambda: work.turn(new, "box4@slow.test"), lambda: work.turn(on, "new@quick.test")]
    seen = work.go("on@third.test", *deeds)
    assert set() not in seen
    assert seen[-1] == {"box4"}


def test_who_catches_mail_for_a_name_does_until_the_domain_of_that_name_is_made(work) -> None:
    catching: dict[str, Any] = {
        "unknown": Unknown.FORWARD,
        "unknown_target": str(work.bob),
        "subdomains": True,
    }
    change_domain(SYSTEM, work.quick, **catching)
    settle(work.running)
    work.slow = work.panel.add_domain("slow.quick.test")
    seen = work.go("box4@slow.quick.test", partial(change_domain, SYSTEM, work.quick, **NOBODY))
    assert set() not in seen
    assert seen[-1] == {"box4"}


def test_what_leads_elsewhere_does_not_wait(work) -> None:
    kim = work.panel.add_mailbox(work.third, "kim")
    settle(work.running)
    seen = work.go("far@quick.test", lambda: work.turn(work.far, str(kim)))
    assert {"kim"} in seen[: work.made_at]
    assert seen[-1] == {"kim"}


def test_what_is_changed_when_a_run_begins_is_of_that_run(work) -> None:
    """One change may be of several domains, of which the run was about one."""
    on = work.alias("on@third.test", "bob@quick.test")
    settle(work.running)
    finish = work.running.host.moves.finish

    def rename_and_finish() -> None:
        if work.quick.name == "quick.test":
            rename_domain(SYSTEM, work.quick, DomainName("quick.new"), keep=False)
            work.quick.refresh_from_db()
        finish()

    work.running.host.moves.finish = rename_and_finish
    work.turn(work.far, "bob@quick.test", "two@side.test")
    seen = work.go(str(on))
    assert set() not in seen
    assert seen[-1] == {"bob"}
