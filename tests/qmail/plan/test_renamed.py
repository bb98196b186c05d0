"""What is moved because it has another name now."""

from __future__ import annotations

from dataclasses import replace

from qmailpanel.qmail.formats.shared_files import Foreign, Shared
from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from qmailpanel.qmail.plan.renamed import find_foreign_end, find_moves, move_path, move_section
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import Move
from tests.kit.worlds import want

ANN, BOB = MailboxRow(7, 1, "ann"), MailboxRow(8, 2, "bob")
ROWS = DomainRows(domain=1, name="a.test", prepend=100, change=1, mailboxes=[ANN, BOB])
MOVE = Move("a.test/ann", "a.test/eve")


def with_boxes(*boxes: MailboxRow) -> Wanted:
    return want([replace(ROWS, mailboxes=boxes)])[0]


BEFORE = with_boxes(ANN, BOB).section
EVE = replace(ANN, local="eve")


def test_a_home_moves_to_where_the_same_mailbox_is_wanted() -> None:
    assert find_moves(with_boxes(EVE, BOB), [BEFORE]) == [MOVE]
    assert find_moves(with_boxes(replace(EVE, removed=True), BOB), [BEFORE]) == [MOVE]
    assert find_moves(with_boxes(EVE, BOB), [BEFORE, BEFORE]) == [MOVE]


def test_nothing_moves_for_a_new_mailbox_nor_while_the_old_place_is_wanted() -> None:
    assert find_moves(with_boxes(ANN, BOB), [BEFORE]) == []
    assert find_moves(with_boxes(ANN), [BEFORE]) == []
    assert find_moves(with_boxes(BOB, MailboxRow(9, 3, "eve")), [BEFORE]) == []
    assert find_moves(with_boxes(ANN, BOB, EVE), [BEFORE]) == []


def test_a_home_is_not_moved_to_where_an_assignment_of_others_leads() -> None:
    line = b"=7-joe:joe:7:7:/var/qmail/mailnames/a.test/eve:::\n"
    theirs = Foreign(Shared.ASSIGN, (line,))
    wanted = with_boxes(EVE, BOB)
    assert find_foreign_end(wanted, [MOVE], theirs).startswith("a.test/eve: the line =7-joe of ")
    whole = [Move("old.test", "a.test")]
    assert find_foreign_end(wanted, whole, theirs).startswith("a.test/eve: the line =7-joe of ")
    assert find_foreign_end(wanted, [Move("a.test/ann", "a.test/ev")], theirs) == ""
    assert find_foreign_end(wanted, [], theirs) == ""
    assert find_foreign_end(wanted, [MOVE], Foreign(Shared.ASSIGN)) == ""


def test_what_lies_below_a_moved_directory_moves_with_it() -> None:
    move = Move("a.test", "b.test")
    assert move_path("a.test", move) == "b.test"
    assert move_path("a.test/ann", move) == "b.test/ann"
    assert move_path("a.tests/ann", move) == "a.tests/ann"
    moved = move_section(BEFORE, move)
    assert [*moved.homes.items()] == [
        ("b.test/ann", BEFORE.homes["a.test/ann"]),
        ("b.test/bob", BEFORE.homes["a.test/bob"]),
    ]
    assert moved.files == {"b.test/.qmail-default": BEFORE.files["a.test/.qmail-default"]}
    assert (moved.prepend, moved.lines, moved.logins) == (100, BEFORE.lines, ("a.test",))
