"""Numbers that others wrote."""

from __future__ import annotations

import pytest

from qmailpanel.qmail.numbers import HIGHEST_PREPEND, HIGHEST_ROW, read_number, read_numbers


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), (b"100", 100), ("007", 7)])
def test_plain_digits_are_a_number(text, number) -> None:
    assert read_number(text, HIGHEST_PREPEND) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1\n", "1_0", "²", "٣", b"\xb2", "0x1", "1e3"]
)
def test_any_other_text_is_none(text) -> None:
    assert read_number(text, HIGHEST_PREPEND) is None


def test_a_number_that_is_too_high_is_none_however_long_it_is() -> None:
    assert read_number(str(HIGHEST_ROW), HIGHEST_ROW) == HIGHEST_ROW
    assert read_number(str(HIGHEST_ROW + 1), HIGHEST_ROW) is None
    assert read_number("9" * 10_000, HIGHEST_ROW) is None


def test_of_many_texts_those_that_are_no_numbers_are_left_out() -> None:
    assert read_numbers(["7", "x", "", str(HIGHEST_ROW + 1), "8"]) == [7, 8]
