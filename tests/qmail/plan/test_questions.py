"""What is asked before a plan is carried out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from qmailpanel.qmail.plan.order import make_plan
from qmailpanel.qmail.plan.questions import ANY_DROPS, LedgerEnd, ask_about_ledger
from tests.kit.worlds import World, plan_for, settle, want

HERE = LedgerEnd(9, "ab")


def boxes(count: int) -> DomainRows:
    mailboxes = [MailboxRow(number, number, f"box{number}") for number in range(count)]
    return DomainRows(domain=1, name="a.test", prepend=100, change=1, mailboxes=mailboxes)


@pytest.fixture
def world() -> World:
    """A host with sixty mailboxes, which are 61 assignments."""
    made = World()
    settle(made, want([boxes(60)]))
    return made


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (LedgerEnd(5, "cd"), "is older than the one this host was made from: change 9 is not in"),
        (LedgerEnd(9, "cd"), "is another one than the one"),
        (LedgerEnd(12, "cd"), "is another one than the one"),
    ],
)
def test_an_older_database_and_another_one_are_told_apart(world, now, says) -> None:
    text = ask_about_ledger(HERE, now, want([boxes(58)]), world.memory).text
    assert f"The database {says}" in text
    assert f"it ends at {now.change}." in text
    assert "2 live assignments are dropped" in text
    assert text.endswith(
        "=100-box58:popuser:110:31:/var/qmail/mailnames/a.test/box58:::\n"
        "=100-box59:popuser:110:31:/var/qmail/mailnames/a.test/box59:::\n"
    )


def test_a_yes_to_one_plan_is_a_yes_to_no_other(world) -> None:
    asked = [
        ask_about_ledger(known, LedgerEnd(5, "cd"), want([boxes(count)]), world.memory)
        for known, count in ((HERE, 58), (HERE, 57), (LedgerEnd(9, "ef"), 58))
    ]
    assert len({question.digest for question in asked}) == 3


def test_twenty_assignments_may_go_unasked(world) -> None:
    assert plan_for(world, want([boxes(40)])).question is None
    question = plan_for(world, want([boxes(39)])).question
    assert question is not None
    assert question.text.startswith("21 of 61 live assignments would be dropped")
    assert question.text.count("\n=100-box") == 10


def test_of_many_assignments_a_third_may_go_unasked() -> None:
    world = World()
    settle(world, want([boxes(99)]))  # a hundred with the wildcard
    assert plan_for(world, want([boxes(69)])).question is None
    assert plan_for(world, want([boxes(68)])).question is not None


def test_what_was_said_of_the_whole_database_is_not_asked_again(world) -> None:
    wanted = want([boxes(1)])
    actual = world.observe(wanted, world.memory)
    assert make_plan(wanted, world.memory, actual).steps == ()
    assert make_plan(wanted, world.memory, actual, None, frozenset({ANY_DROPS})).steps


def test_what_waits_for_a_yes_says_nevertheless_what_is_wrong(world) -> None:
    mailboxes = [MailboxRow(1, 1, "a b"), MailboxRow(2, 2, "ok")]
    plan = plan_for(world, want([replace(boxes(0), mailboxes=mailboxes)]))
    assert plan.question is not None
    assert [problem.address for problem in plan.problems["a.test"]] == [1]
