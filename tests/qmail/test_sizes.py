from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.names import InvalidName
from qmailpanel.qmail.sizes import MOST, parse_size, write_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("500 MB", 500 << 20),
        ("500m", 500 << 20),
        ("2 GiB", 2 << 30),
        ("1.5G", 3 << 29),
        ("0,5 MB", 1 << 19),
        (" 10 K ", 10 << 10),
        ("1T", 1 << 40),
        ("12 B", 12),
    ],
)
def test_a_size_is_read_as_people_write_it(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "MB", "1 PB", "1.2.3", "1e9", "5 000", "9" * 16, "999999 T", "٥", "1\n2"],
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InvalidName):
        parse_size(text)


@given(st.integers(1, MOST))
def test_a_size_is_read_as_it_was_written(size):
    assert parse_size(write_size(size)) == size


def test_a_size_is_written_in_the_largest_unit_that_holds_it():
    assert [write_size(n) for n in (1 << 20, 1536, 3 << 30)] == ["1 MB", "1536 B", "3 GB"]
