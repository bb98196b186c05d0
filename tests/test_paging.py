from __future__ import annotations

import pytest
from django.core.signing import Signer

from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.paging import page
from qmailpanel.reports.models import RoutedLine

KEY = ("name", "id")


@pytest.fixture
def lines(db):
    """Seven rows in an order of their own, two with the same name."""
    for number, name in enumerate(["c", "a", "g", "b", "e", "d", "d"]):
        RoutedLine.objects.create(node="main", file="x", number=number, name=name, line="")


def names(found):
    return [row.name for row in found.rows]


def turn(**cursors):
    return page(RoutedLine.objects.all(), key=KEY, size=3, **cursors)


def test_pages_follow_each_other_without_gap_or_repetition(lines):
    first = turn()
    second = turn(after=first.next)
    third = turn(after=second.next)
    assert [names(first), names(second), names(third)] == [
        ["a", "b", "c"],
        ["d", "d", "e"],
        ["g"],
    ]
    assert (first.previous, third.next) == ("", "")


def test_pages_lead_back_the_same_way(lines):
    second = turn(after=turn().next)
    third = turn(after=second.next)
    assert turn(before=third.previous) == second
    assert turn(before=second.previous) == turn()


def test_rows_with_the_same_name_are_divided_by_their_number(lines):
    first = page(RoutedLine.objects.all(), key=KEY, size=4)
    assert names(first) == ["a", "b", "c", "d"]
    assert names(page(RoutedLine.objects.all(), key=KEY, size=4, after=first.next)) == [
        "d",
        "e",
        "g",
    ]


def test_descending_numbers_work_as_well(db):
    for _ in range(5):
        with ledger_locked():
            record(SYSTEM, Verb.CHANGED, Noun.HOST, "x")
    first = page(Change.objects.all(), key=("-id",), size=2)
    second = page(Change.objects.all(), key=("-id",), size=2, after=first.next)
    assert [row.id for row in first.rows + second.rows] == [5, 4, 3, 2]
    assert page(Change.objects.all(), key=("-id",), size=2, before=second.previous) == first


def test_a_full_last_page_has_no_next(lines):
    assert page(RoutedLine.objects.all(), key=KEY, size=7).next == ""


def test_an_empty_list_is_one_empty_page(db):
    empty = turn()
    assert (empty.rows, empty.next, empty.previous) == ([], "", "")


def test_a_cursor_fits_into_an_address(lines):
    assert set(turn().next) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:"
    )


@pytest.mark.parametrize("side", ["after", "before"])
@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "a:b", "\x00", "é", ":", "W10:W10" * 99])
def test_a_bad_cursor_is_the_first_page(lines, side, cursor):
    assert turn(**{side: cursor}) == turn()


def test_a_cursor_of_another_list_is_the_first_page(lines):
    other = Signer(salt="page:ledger.Change:-id").sign_object(["'", {}])
    assert turn(after=other) == turn()


def test_where_the_rows_after_a_cursor_are_gone_the_first_page_is_shown(lines):
    cursor = turn(after=turn().next).next
    RoutedLine.objects.filter(name="g").delete()
    assert turn(after=cursor) == turn()


@pytest.mark.parametrize("size", [1, 3])
def test_a_page_is_one_query_without_count_and_offset(lines, django_assert_num_queries, size):
    cursor = page(RoutedLine.objects.all(), key=KEY, size=size).next
    with django_assert_num_queries(1) as queries:
        page(RoutedLine.objects.all(), key=KEY, size=size, after=cursor)
    sql = queries.captured_queries[0]["sql"].upper()
    assert "COUNT(" not in sql
    assert "OFFSET" not in sql
