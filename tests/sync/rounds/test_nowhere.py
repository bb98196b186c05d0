"""What goes nowhere is found among all aliases and forwardings, and soon after a change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from qmailpanel.aliases.services import add_alias, switch_alias
from qmailpanel.domains.models import Address, Destination, Domain, Unknown
from qmailpanel.domains.services import change_domain, switch_domain
from qmailpanel.domains.sizes import Sizes
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, hold_mailbox, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.pause import finish
from qmailpanel.reports.models import LargeDomain, Nowhere, Survey, SyncNode
from qmailpanel.sync import surveys
from qmailpanel.sync.rounds import nowhere
from qmailpanel.sync.rounds.nowhere import NowhereRounds, look_at_all
from tests.kit.live import make_live, write_problem, write_usage


def found() -> list[str]:
    """The addresses that go nowhere."""
    pks = Nowhere.objects.values_list("address", flat=True)
    return sorted(map(str, Address.objects.filter(pk__in=pks).select_related("domain")))


def look() -> list[str]:
    for domain in Domain.objects.all():
        make_live(domain)
    finish(look_at_all())
    return found()


@pytest.fixture
def box(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"))


@pytest.fixture
def sales(box: Address) -> Address:
    """Delivers to `box`."""
    return alias(box.domain, "sales", "biliards@pandle.net")


def alias(domain: Domain, local: str, *targets: str) -> Address:
    added: Address = add_alias(SYSTEM, domain, AliasLocal(local), list(map(MailAddress, targets)))
    return added


def box_of(sales: Address) -> Address:
    found: Address = sales.domain.addresses.get(local="biliards")
    return found


def loop(box: Address) -> None:
    """No service would let that happen."""
    alias(box.domain, "info", "sales@pandle.net")
    Destination.objects.filter(address__local="sales").update(target="info@pandle.net")


@pytest.mark.parametrize(
    "happen",
    [
        lambda box: remove_mailbox(SYSTEM, box, despite_pointers=True),
        lambda box: switch_mailbox(SYSTEM, box, on=False),
        lambda box: hold_mailbox(SYSTEM, box, on_hold=True),
        loop,
    ],
    ids=["removed", "off", "on hold", "loop"],
)
def test_an_alias_whose_mail_does_not_arrive_is_found(
    sales: Address, box: Address, happen: Callable[[Address], object]
) -> None:
    assert look() == []
    happen(box)
    assert "sales@pandle.net" in look()


def test_one_over_two_hops_and_a_forwarding_are_found_too(sales: Address, box: Address) -> None:
    alias(box.domain, "info", "sales@pandle.net")
    other = add_mailbox(SYSTEM, box.domain, LocalPart("other"))
    Destination.objects.create(address=other, target="biliards@pandle.net")
    switch_mailbox(SYSTEM, box, on=False)
    assert look() == ["info@pandle.net", "other@pandle.net", "sales@pandle.net"]


@pytest.mark.parametrize(
    "happen",
    [
        lambda sales: switch_alias(SYSTEM, sales, on=False),
        lambda sales: switch_domain(SYSTEM, sales.domain, on=False),
        lambda sales: write_problem("It is in the way.", sales.domain, box_of(sales)),
        lambda sales: write_usage(box_of(sales), percent=120),
    ],
    ids=["off itself", "its domain is off", "failed", "full"],
)
def test_what_somebody_wanted_or_is_told_elsewhere_is_none(
    sales: Address, happen: Callable[[Address], object]
) -> None:
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, holds_quotas=True)
    happen(sales)
    assert look() == []


def test_what_was_mended_or_removed_is_forgotten(sales: Address, box: Address) -> None:
    switch_mailbox(SYSTEM, box, on=False)
    assert look() == ["sales@pandle.net"]
    row = Nowhere.objects.get().pk
    assert look() == ["sales@pandle.net"]
    assert Nowhere.objects.get().pk == row
    switch_mailbox(SYSTEM, box, on=True)
    assert look() == []
    switch_mailbox(SYSTEM, box, on=False)
    look()
    Destination.objects.all().delete()
    assert look() == []


def test_all_are_looked_at_in_slices_with_a_pause_behind_each(
    sales: Address, box: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nowhere, "SLICE", 1)
    names = [f"m{number}" for number in range(4)]
    for name in names:
        alias(box.domain, name, "gone@pandle.net", "gone2@pandle.net")
    pauses = list(look_at_all())
    assert len(pauses) >= 5
    assert found() == [f"{name}@pandle.net" for name in names]


def test_how_much_there_is_and_when_is_noted(sales: Address, other_domain: Domain) -> None:
    look()
    survey = Survey.objects.get()
    assert (survey.domains, survey.mailboxes) == (2, 1)
    assert survey.at is not None


def test_what_a_large_domain_has_is_counted_by_sync_and_again_after_a_change(
    rounds: NowhereRounds, box: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveys, "LARGE", 0)
    finish(look_at_all())
    large = LargeDomain.objects.get()
    assert (large.domain, large.mailboxes) == (box.domain_id, 1)
    add_mailbox(SYSTEM, box.domain, LocalPart("one"))
    assert Sizes([box.domain]).of(box.domain).mailboxes == 1
    go_on(rounds)
    assert Sizes([box.domain]).of(box.domain).mailboxes == 2
    monkeypatch.setattr(surveys, "LARGE", 10)
    finish(look_at_all())
    assert not LargeDomain.objects.exists()


def test_what_only_others_can_know_is_hidden(
    box: Address, other_domain: Domain, sales: Address
) -> None:
    alias(other_domain, "secret", "biliards@pandle.net")
    alias(other_domain, "typo", "biliard@pandle.net")
    switch_mailbox(SYSTEM, box, on=False)
    look()
    hidden = {str(Address.objects.get(pk=row.address)): row.hidden for row in Nowhere.objects.all()}
    assert hidden == {
        "sales@pandle.net": False,
        "secret@stranger.example": True,
        "typo@stranger.example": False,
    }


# soon after a change


@pytest.fixture
def rounds(sales: Address) -> NowhereRounds:
    """All was looked at once."""
    rounds = NowhereRounds()
    go_on(rounds)
    return rounds


def go_on(rounds: NowhereRounds) -> list[str]:
    """What is due, as long as there is more to do."""
    for each in rounds.rounds:
        if each is not rounds.all:
            each.hurry()
        while each.go_on():
            pass
    return found()


@pytest.mark.parametrize(
    "happen",
    [
        lambda box: switch_mailbox(SYSTEM, box, on=False),
        lambda box: remove_mailbox(SYSTEM, box, despite_pointers=True),
    ],
)
def test_a_change_is_looked_at_with_all_that_deliver_there(
    rounds: NowhereRounds, box: Address, happen: Callable[[Address], object]
) -> None:
    alias(box.domain, "info", "sales@pandle.net")
    assert go_on(rounds) == []
    at = Survey.objects.get().at
    happen(box)
    assert go_on(rounds) == ["info@pandle.net", "sales@pandle.net"]
    assert Survey.objects.get().at == at  # nobody looked at all of it


def test_what_was_mended_by_a_new_address_is_gone_soon(rounds: NowhereRounds, box: Address) -> None:
    alias(box.domain, "info", "typo@pandle.net")
    assert go_on(rounds) == ["info@pandle.net"]
    add_mailbox(SYSTEM, box.domain, LocalPart("typo"))
    assert go_on(rounds) == []


def test_nothing_is_looked_at_where_nothing_changed(
    rounds: NowhereRounds, django_assert_num_queries: Any
) -> None:
    go_on(rounds)
    with django_assert_num_queries(2):  # the newest change; then what was found
        go_on(rounds)


def test_a_change_of_a_whole_domain_has_all_looked_at_but_not_at_once_again(
    rounds: NowhereRounds, box: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias(box.domain, "info", "typo@pandle.net")
    assert go_on(rounds) == ["info@pandle.net"]
    monkeypatch.setattr(rounds, "_not_before", 1e12)
    change_domain(SYSTEM, box.domain, unknown=Unknown.MAILBOX, unknown_target="biliards@pandle.net")
    assert go_on(rounds) == ["info@pandle.net"]
    monkeypatch.setattr(rounds, "_not_before", 0.0)
    assert go_on(rounds) == []


def test_more_than_so_many_changes_have_all_looked_at(
    rounds: NowhereRounds, box: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = Survey.objects.get().at
    monkeypatch.setattr(nowhere, "MOST", 1)
    monkeypatch.setattr(rounds, "_not_before", 0.0)
    for local in ("info", "help"):
        alias(box.domain, local, "typo@pandle.net")
    assert go_on(rounds) == ["help@pandle.net", "info@pandle.net"]
    assert Survey.objects.get().at != at


# while others change something


@contextmanager
def before_writing(happen: Callable[[], object]) -> Iterator[None]:
    """It happens once, before what was found is written."""
    left = [happen]

    def wait(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("SAVEPOINT") and left:
            left.pop()()
        return execute(sql, *rest)

    with connection.execute_wrapper(wait):
        yield
    assert not left


@pytest.mark.parametrize("is_of_all", [True, False], ids=["all", "news"])
def test_a_transaction_waits_for_nothing_that_is_asked(
    rounds: NowhereRounds, box: Address, is_of_all: bool, django_assert_max_num_queries: Any
) -> None:
    alias(box.domain, "info", "typo@pandle.net")
    with django_assert_max_num_queries(200) as queries:
        finish(look_at_all()) if is_of_all else go_on(rounds)
    assert found() == ["info@pandle.net"]
    asked, depth = list[str](), 0
    for query in queries.captured_queries:
        depth += query["sql"].startswith("SAVEPOINT") - query["sql"].startswith("RELEASE")
        if depth and "domains_address" in query["sql"]:
            asked.append(query["sql"])
    assert asked == []


@pytest.mark.parametrize("is_of_all", [True, False], ids=["all", "news"])
def test_what_is_changed_while_sync_looks_is_looked_at_again(
    rounds: NowhereRounds, box: Address, is_of_all: bool
) -> None:
    alias(box.domain, "info", "typo@pandle.net")
    due = rounds.rounds[is_of_all]
    due.hurry()
    with before_writing(lambda: add_mailbox(SYSTEM, box.domain, LocalPart("typo"))):
        while due.go_on():
            pass
    assert found() == ["info@pandle.net"]
    assert go_on(rounds) == []
