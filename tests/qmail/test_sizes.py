from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.names import InvalidName
from qmailpanel.qmail.sizes import MOST, parse_size, write_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("0 GB", 0),
        ("500\N{NO-BREAK SPACE}MB", 500 << 20),
        ("0.125 GB", 128 << 20),
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
    ["", "-1", "0.5 B", "MB", "1 PB", "1.2.3", "1e9", "5 000", "9" * 16, "999999 T", "٥", "1\n2"],
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InvalidName):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,500 MB", "1,500 can be read in two ways. Write 1500 if that is meant."),
        ("1.500GB", "1.500 can be read in two ways. Write 1500 if that is meant."),
        ("10.000", "10.000 can be read in two ways. Write 10000 if that is meant."),
        ("500", "Write the unit too, as 500 MB or 500 GB."),
        ("1.5", "Write the unit too, as 1.5 MB or 1.5 GB."),
    ],
)
def test_a_size_that_means_another_one_to_somebody_else_is_asked_for_again(text, why):
    with pytest.raises(InvalidName) as refusal:
        parse_size(text)
    assert str(refusal.value) == why


@given(st.integers(1, MOST))
def test_a_size_is_read_as_it_was_written(size):
    assert parse_size(write_size(size)) == size


def test_a_size_is_written_in_the_largest_unit_that_holds_it():
    assert [write_size(n) for n in (1 << 20, 1536, 3 << 30)] == ["1 MB", "1536 B", "3 GB"]
