"""What is removed goes on refusing, until it has for long enough."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Claim, Domain, Grant
from qmailpanel.domains.names.leaving import GRACE, serve_elsewhere
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import change_domain, remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.ledger.models import Change
from qmailpanel.qmail.names import DomainName
from qmailpanel.reports.models import KnownHost
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.rounds import leaving
from qmailpanel.sync.service import Service
from tests.kit.panels import Panel, settle

VIRTUAL = "control/virtualdomains"
WEEK = timedelta(days=7)


@pytest.fixture
def service(panel: Panel) -> Service:
    return panel.serve()


@pytest.fixture
def pandle(panel: Panel, service: Service) -> Domain:
    domain = panel.add_domain()
    panel.add_mailbox(domain, "ann")
    settle(service)
    return domain


class Hands:
    """The clock of the host, as the rounds see it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
        self.now, self.service = timezone.now(), service
        monkeypatch.setattr("qmailpanel.sync.rounds.leaving.timezone.now", lambda: self.now)

    def go_on(self, span: timedelta) -> None:
        """An hour at a time, as the service notes it, else the clock would have jumped."""
        settle(self.service)
        end = self.now + span
        while self.now < end:
            self.now = min(self.now + timedelta(hours=12), end)
            leaving.end_leaving(self.service.reconciler)
            settle(self.service)


@pytest.fixture
def hands(monkeypatch, service) -> Hands:
    times = {"clock": timezone.now(), "steady_since": timezone.now() - timedelta(days=30)}
    KnownHost.objects.update(**times)
    return Hands(monkeypatch, service)


def begin(hands: Hands) -> None:
    """The removal is live, and the round has seen that."""
    settle(hands.service)
    hands.go_on(timedelta(seconds=1))


def virtual(panel: Panel) -> list[str]:
    """Without what was there before the panel."""
    return [line for line in panel.lines(VIRTUAL) if line != "old.test:7"]


def test_a_removed_domain_refuses_for_twenty_minutes_and_its_number_for_a_week(
    panel, pandle, hands
) -> None:
    remove_domain(SYSTEM, pandle)
    begin(hands)
    assert virtual(panel) == ["pandle.net:100"]
    assert panel.status_of_domain(pandle) is Status.REMOVED
    hands.go_on(GRACE - timedelta(minutes=1))
    assert virtual(panel) == ["pandle.net:100"]
    hands.go_on(timedelta(minutes=1))
    assert virtual(panel) == []
    assert panel.answer("+100-") is not None
    hands.go_on(WEEK - GRACE - timedelta(minutes=1))
    assert panel.answer("+100-") is not None
    hands.go_on(timedelta(minutes=1))
    assert panel.answer("+100-") is None
    assert not panel.below(".left-100").exists()
    assert panel.status_of_domain(pandle) is Status.REMOVED
    said = Change.objects.filter(verb="ended").values_list("actor_name", "target")
    assert list(said) == [("system", "pandle.net")] * 2


def test_nothing_ends_before_the_removal_is_live(panel, pandle, hands) -> None:
    remove_domain(SYSTEM, pandle)
    for _ in range(3):
        hands.now += GRACE
        leaving.end_leaving(hands.service.reconciler)
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:100"]


def test_the_queues_own_lifetime_counts_where_it_is_longer(panel, pandle, hands) -> None:
    panel.write("control/queuelifetime", b"864000\n")
    remove_domain(SYSTEM, pandle)
    begin(hands)
    hands.go_on(timedelta(days=9))
    assert panel.answer("+100-") is not None
    hands.go_on(timedelta(days=1))
    assert panel.answer("+100-") is None


@pytest.mark.parametrize("content", [b"60\n", b"soon\n", b""])
def test_a_number_refuses_for_a_week_at_least(panel, pandle, hands, content) -> None:
    panel.write("control/queuelifetime", content)
    remove_domain(SYSTEM, pandle)
    begin(hands)
    hands.go_on(WEEK - timedelta(minutes=1))
    assert panel.answer("+100-") is not None


def test_a_number_refuses_as_long_as_somebody_elses_line_would_take_its_mail(
    panel, pandle, hands
) -> None:
    content = panel.read("users/assign")
    panel.write("users/assign", b"+10:joe:7:7:/home/joe:::\n" + content)
    remove_domain(SYSTEM, pandle)
    begin(hands)
    hands.go_on(WEEK * 2)
    assert panel.answer("+100-") is not None
    content = panel.read("users/assign").replace(b"+10:joe:7:7:/home/joe:::\n", b"")
    panel.write("users/assign", content)
    settle(hands.service)
    hands.go_on(timedelta(minutes=1))
    assert panel.answer("+100-") is None


def test_a_removed_alias_domain_refuses_for_twenty_minutes(panel, pandle, hands) -> None:
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    settle(hands.service)
    remove_alias_domain(SYSTEM, alias)
    begin(hands)
    assert virtual(panel) == ["pandle.net:100", "pandle.org:100-.left"]
    assert panel.lines("control/rcpthosts") == ["old.test", "pandle.net"]
    hands.go_on(GRACE)
    assert virtual(panel) == ["pandle.net:100"]
    assert not panel.below("pandle.net/.qmail-:left-default").exists()


def test_the_old_name_of_a_domain_refuses_for_twenty_minutes(panel, pandle, hands) -> None:
    rename_domain(SYSTEM, pandle, DomainName("pandle.com"), keep=False)
    begin(hands)
    assert virtual(panel) == ["pandle.com:100", "pandle.net:100-.left"]
    hands.go_on(GRACE)
    assert virtual(panel) == ["pandle.com:100"]


def test_what_is_served_elsewhere_leaves_at_once(panel, pandle, hands) -> None:
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    settle(hands.service)
    remove_alias_domain(SYSTEM, alias)
    settle(hands.service)
    serve_elsewhere(SYSTEM, alias)
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:100"]
    remove_domain(SYSTEM, pandle)
    settle(hands.service)
    serve_elsewhere(SYSTEM, pandle)
    settle(hands.service)
    assert virtual(panel) == []
    assert panel.answer("+100-") is not None  # for what waits in the queue


def test_whoever_removed_an_alias_domain_may_take_that_back_when_it_refuses_no_more(
    panel, pandle, hands
) -> None:
    ann = User.objects.create(email="ann@example.org")
    Grant.objects.create(user=ann, domain=pandle, rights=Right.values)
    person = Actor(ann.pk, str(ann), None)
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    settle(hands.service)
    remove_alias_domain(person, alias)
    begin(hands)
    hands.go_on(GRACE)
    restore_alias_domain(person, alias)
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:100", "pandle.org:100"]


def test_a_clock_that_jumps_lets_nothing_end_sooner(panel, pandle, hands) -> None:
    remove_domain(SYSTEM, pandle)
    begin(hands)
    hands.now += timedelta(days=400)
    leaving.end_leaving(hands.service.reconciler)
    hands.go_on(GRACE - timedelta(minutes=1))
    assert virtual(panel) == ["pandle.net:100"]
    hands.go_on(timedelta(minutes=1))
    assert virtual(panel) == []
    hands.now -= timedelta(days=400)
    panel.add_domain("b.test")  # so that the ledger does not end in the future
    leaving.end_leaving(hands.service.reconciler)
    hands.go_on(WEEK)
    assert panel.answer("+100-") is None


# below somebody's wildcard


@pytest.fixture
def shop(panel: Panel, pandle: Domain, service: Service) -> Domain:
    domain = panel.add_domain("shop.pandle.net")
    settle(service)
    return domain


def test_a_removed_name_below_somebodys_wildcard_refuses_until_somebody_has_it(
    panel, pandle, shop, hands
) -> None:
    change_domain(SYSTEM, pandle, subdomains=True)
    remove_domain(SYSTEM, shop)
    begin(hands)
    hands.go_on(WEEK * 2)
    assert "shop.pandle.net:101" in virtual(panel)
    panel.add_domain("shop.pandle.net")
    settle(hands.service)
    assert virtual(panel) == [".pandle.net:100", "pandle.net:100", "shop.pandle.net:102"]


def test_a_removed_name_refuses_again_when_somebody_takes_all_names_above_it(
    panel, pandle, shop, hands
) -> None:
    remove_domain(SYSTEM, shop)
    begin(hands)
    hands.go_on(WEEK * 2)
    assert panel.answer("+101-") is None
    change_domain(SYSTEM, pandle, subdomains=True)
    settle(hands.service)
    assert "shop.pandle.net:101" in virtual(panel)
    assert b".left-101" in (panel.answer("+101-") or b"")
    serve_elsewhere(SYSTEM, shop)
    settle(hands.service)
    assert "shop.pandle.net:101" not in virtual(panel)


@pytest.mark.parametrize("how", ["alias", "alias again", "rename", "restore"])
def test_a_removed_name_refuses_again_whichever_way_a_wildcard_comes_above_it(
    panel, pandle, shop, hands, how
) -> None:
    change_domain(SYSTEM, shop, subdomains=True)
    below = panel.add_domain("a.wide.test")
    alias = add_alias_domain(SYSTEM, shop, DomainName("wide.test")) if "again" in how else None
    if how == "restore":
        rename_domain(SYSTEM, shop, DomainName("wide.test"), keep=False)
        remove_domain(SYSTEM, shop)
    if alias:
        remove_alias_domain(SYSTEM, alias)
    remove_domain(SYSTEM, below)
    serve_elsewhere(SYSTEM, below)
    settle(hands.service)
    assert "a.wide.test:102" not in virtual(panel)
    match how:
        case "alias" | "alias again":
            add_alias_domain(SYSTEM, shop, DomainName("wide.test"))
        case "rename":
            rename_domain(SYSTEM, shop, DomainName("wide.test"), keep=False)
        case "restore":
            restore_domain(SYSTEM, shop)
    settle(hands.service)
    assert "a.wide.test:102" in virtual(panel)


def test_below_its_own_wildcard_a_removed_name_refuses_no_longer_than_others(
    panel, pandle, hands
) -> None:
    change_domain(SYSTEM, pandle, subdomains=True)
    alias = add_alias_domain(SYSTEM, pandle, DomainName("shop.pandle.net"))
    remove_alias_domain(SYSTEM, alias)
    begin(hands)
    hands.go_on(GRACE)
    assert virtual(panel) == [".pandle.net:100", "pandle.net:100"]


# whose name it is by then


def test_a_new_domain_has_the_name_and_the_old_number_still_refuses(panel, pandle, hands) -> None:
    remove_domain(SYSTEM, pandle)
    begin(hands)
    new = panel.add_domain()
    panel.add_mailbox(new, "ann")
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:101"]
    assert b".left-100" in (panel.answer("+100-") or b"")
    assert panel.status_of_domain(new) is Status.LIVE
    assert panel.status_of_domain(pandle) is Status.REMOVED
    hands.service.scrub.hurry()
    settle(hands.service)
    assert b".left-100" in (panel.answer("+100-") or b"")
    hands.go_on(WEEK)
    assert panel.answer("+100-") is None
    assert panel.answer("=101-ann") is not None


def test_what_is_left_of_a_domain_that_lost_its_name_is_put_back(panel, pandle, hands) -> None:
    remove_domain(SYSTEM, pandle)
    settle(hands.service)
    panel.add_domain()
    settle(hands.service)
    file = panel.below(".left-100/.qmail-default")
    file.unlink()
    panel.sync()
    assert "no longer served" in file.read_text()


def test_another_domain_has_the_name_as_an_alias_domain(panel, pandle, shop, hands) -> None:
    remove_domain(SYSTEM, pandle)
    settle(hands.service)
    add_alias_domain(SYSTEM, shop, DomainName("pandle.net"))
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:101", "shop.pandle.net:101"]
    assert b".left-100" in (panel.answer("+100-") or b"")


def test_another_domain_is_renamed_to_the_name(panel, pandle, shop, hands) -> None:
    remove_domain(SYSTEM, pandle)
    settle(hands.service)
    rename_domain(SYSTEM, shop, DomainName("pandle.net"), keep=False)
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:101", "shop.pandle.net:101-.left"]
    assert b".left-100" in (panel.answer("+100-") or b"")
    assert panel.status_of_domain(shop) is Status.LIVE


def test_a_name_refuses_though_its_domain_lost_its_own(panel, pandle, hands) -> None:
    add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    settle(hands.service)
    remove_domain(SYSTEM, pandle)
    settle(hands.service)
    panel.add_domain()
    settle(hands.service)
    assert virtual(panel) == ["pandle.org:100", "pandle.net:101"]
    hands.service.scrub.hurry()
    settle(hands.service)
    assert virtual(panel) == ["pandle.org:100", "pandle.net:101"]


def test_somebody_elses_line_for_a_removed_name_stands_alone(panel, pandle, hands) -> None:
    remove_domain(SYSTEM, pandle)
    settle(hands.service)
    panel.write(VIRTUAL, b"pandle.net:7\n" + panel.read(VIRTUAL))
    settle(hands.service)
    hands.service.scrub.hurry()
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:7"]
    assert panel.status_of_domain(pandle) is Status.REMOVED


def test_a_restored_domain_refuses_nothing_any_more(panel, pandle, hands) -> None:
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    settle(hands.service)
    remove_domain(SYSTEM, pandle)
    begin(hands)
    restore_domain(SYSTEM, pandle)
    settle(hands.service)
    assert virtual(panel) == ["pandle.net:100", "pandle.org:100"]
    assert not panel.below(".left-100").exists()
    rename_domain(SYSTEM, pandle, DomainName("pandle.com"), keep=True)
    settle(hands.service)
    assert virtual(panel) == ["pandle.com:100", "pandle.net:100", "pandle.org:100"]
    pandle.refresh_from_db()
    assert (pandle.leaving, pandle.leaving_until) == (False, None)
    assert not Claim.objects.filter(refuses=True).exists()
    hands.go_on(WEEK)
    assert panel.status_of_domain(pandle) is Status.LIVE
    assert Claim.objects.get(pk=alias.pk).refuses_until is None
