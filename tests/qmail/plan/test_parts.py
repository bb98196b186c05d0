"""Which address of its domain each line, file and home is of."""

from __future__ import annotations

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.parts import FRAME, cut, local_of_key, local_of_path
from qmailpanel.qmail.plan.state import Home, Section


@pytest.mark.parametrize(
    ("shared", "key", "local"),
    [
        (Shared.ASSIGN, b"=100-biliards", "biliards"),
        (Shared.ASSIGN, b"=100-jan-piet", "jan-piet"),
        (Shared.ASSIGN, b"=100-default", "default"),
        (Shared.ASSIGN, b"+100-", FRAME),
        (Shared.VIRTUAL, b"pandle.net", FRAME),
        (Shared.RCPT, b".pandle.net", FRAME),
        (Shared.VALID, b"biliards@pandle.net", "biliards"),
        (Shared.VALID, b"@pandle.net", FRAME),
        (Shared.MORE_VALID, b"-@pandle.net", FRAME),
        (Shared.RECIPIENTS, b"a+b@pandle.net", "a+b"),
    ],
)
def test_a_line_is_about_an_address_or_about_the_frame(shared, key, local):
    assert local_of_key(shared, key) == local


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("pandle.net/biliards", "biliards"),
        ("pandle.net/biliards/.qmail", "biliards"),
        ("pandle.net/.qmail-info", "info"),
        ("pandle.net/.qmail-jan:piet", "jan.piet"),
        ("pandle.net/.qmail-mydefault", "mydefault"),
        ("pandle.net/.qmail-default", FRAME),
        ("pandle.net/.qmail-:left-default", FRAME),
        ("pandle.net/default", "default"),
        ("pandle.net", FRAME),
        (".left-100/.qmail-default", FRAME),
    ],
)
def test_a_path_is_of_an_address_or_of_the_frame(path, local):
    assert local_of_path(path) == local


def test_a_part_of_a_section_has_the_frame_and_nothing_of_other_addresses():
    section = Section(
        100,
        {Shared.ASSIGN: {b"+100-": b"w", b"=100-ann": b"a", b"=100-bob": b"b"}},
        {"a.test/.qmail-default": b"d", "a.test/.qmail-info": b"i", "a.test/.qmail-shop": b"s"},
        {"a.test/ann": Home(1, b""), "a.test/bob": Home(2, b"")},
    )
    part = cut(section, frozenset({"bob", "info"}))
    assert part.lines == {Shared.ASSIGN: {b"+100-": b"w", b"=100-bob": b"b"}}
    assert part.files.keys() == {"a.test/.qmail-default", "a.test/.qmail-info"}
    assert part.homes.keys() == {"a.test/bob"}
