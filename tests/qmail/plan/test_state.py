"""The three sides as plain data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from qmailpanel.qmail.plan.drift import Decision, Side, Subject, as_text
from qmailpanel.qmail.plan.state import (
    HomeFound,
    Problem,
    Section,
    is_left_path,
    left_path,
    left_range,
    lines_of,
    prepend_left,
)
from tests.kit.worlds import want

WANTED = want([DomainRows(domain=1, name="a.test", prepend=100, change=1)])[0]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (None, ""),
        ("7", "7"),
        (b"=1:x\n", "=1:x"),
        (b"a\0b\xff\n", "a\\x00b\\xff"),
        ("a\0b", "a\\x00b"),
    ],
)
def test_what_stands_on_the_host_becomes_a_text_that_a_row_can_hold(line, text) -> None:
    assert as_text(line) == text


def test_a_line_is_found_by_its_subject_and_a_file_is_no_line() -> None:
    assert Subject.of_line(Shared.VIRTUAL, b"\xff.test").line == (Shared.VIRTUAL, b"\xff.test")
    assert Subject.of_file("a.test/.qmail-x").line is None


def test_only_a_decision_about_what_stands_there_now_counts() -> None:
    subject = Subject.of_file("a.test/.qmail-x")
    decided = replace(WANTED, decisions=(Decision(subject, "|vacation", Side.THEIRS),))
    assert decided.side(subject, b"|vacation\n") is Side.THEIRS
    assert decided.side(subject, b"|other\n") is None
    assert decided.side(Subject.of_file("a.test/.qmail-y"), b"|vacation\n") is None
    assert WANTED.side(subject, b"|vacation\n") is None


def test_what_is_live_stays_only_of_a_row_that_has_a_problem() -> None:
    rows = replace(WANTED, owners={b"=100-x": 5}, problems=(Problem("No.", address=5),))
    assert rows.keeps(b"=100-x")
    assert not rows.keeps(b"=100-y")
    assert not replace(rows, known=None).keeps(b"=100-x")
    assert not replace(rows, problems=(Problem("No.", address=6),)).keeps(b"=100-x")


def test_a_problem_of_a_domain_is_of_no_address_and_no_name() -> None:
    assert Problem("No.").is_of_domain
    assert not Problem("No.", address=5).is_of_domain
    assert not Problem("No.", name="b.test").is_of_domain


def test_what_is_left_of_a_domain_is_found_among_all_names() -> None:
    begin, end = left_range()
    assert begin <= left_path(1) < left_path(999_999) < end
    assert not begin <= "a.test" < end
    assert (is_left_path(left_path(7)), is_left_path("left-7.test")) == (True, False)
    assert prepend_left(left_path(7)) == 7


def test_a_name_is_the_domains_in_either_list_of_hosts() -> None:
    lines = {Shared.MORE: {b"a.test": b"a.test\n"}, Shared.ASSIGN: {b"=1": b"=1:x\n"}}
    section = Section(100, lines, {}, {})
    assert lines_of(section, Shared.RCPT) == lines_of(section, Shared.MORE) == lines[Shared.MORE]
    assert lines_of(section, Shared.ASSIGN) == lines[Shared.ASSIGN]
    assert lines_of(section, Shared.VIRTUAL) == {}


def test_a_home_without_a_mark_may_be_anybodys() -> None:
    home = HomeFound(b"", whole=True)
    assert home.may_be_of(7)
    assert replace(home, mailbox=7).may_be_of(7)
    assert not replace(home, mailbox=8).may_be_of(7)


def test_homes_are_those_wanted_and_those_to_be_archived() -> None:
    boxes = [MailboxRow(7, 1, "ann"), MailboxRow(8, 2, "bob", removed=True)]
    rows = DomainRows(domain=1, name="a.test", prepend=100, change=1, mailboxes=boxes)
    wanted = want([rows])[0]
    assert wanted.homes == {"a.test/ann": 7, "a.test/bob": 8}
    assert wanted.directory == "a.test"
    assert replace(wanted, gave_up="b.test").directory == "b.test"
