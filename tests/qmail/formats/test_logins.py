"""Login files: the same records as lines and as a map."""

from __future__ import annotations

import cdblib

from qmailpanel.qmail.formats.logins import LoginFormat, Logins, Record

BOB = (Record("bob", "", "{X}hash:110:31::/m/a.test/bob::"), Record("bob", "/off/pop3", "!::::::"))
ANN = (Record("ann", "", "!:110:31::/m/a.test/ann::"),)
LOGINS = Logins(("a.test", "b.test"), {"a.test/bob": BOB, "a.test/ann": ANN})


def test_the_map_answers_what_the_lines_say() -> None:
    files = LOGINS.render("b.test")
    lines = files[LoginFormat.LINES].splitlines()
    assert lines == [
        b"bob@b.test:{X}hash:110:31::/m/a.test/bob::",
        b"bob@b.test/off/pop3:!::::::",
        b"ann@b.test:!:110:31::/m/a.test/ann::",
    ]
    pairs = [tuple(line.split(b":", 1)) for line in lines]
    assert cdblib.Reader(files[LoginFormat.MAP]).items() == pairs


def test_a_home_that_is_not_there_opens_to_nobody() -> None:
    files = LOGINS.render("a.test", without={"a.test/bob"})
    assert files[LoginFormat.LINES] == b"ann@a.test:!:110:31::/m/a.test/ann::\n"
    assert [key for key, _ in cdblib.Reader(files[LoginFormat.MAP]).items()] == [b"ann@a.test"]


def test_where_nobody_signs_in_the_files_are_there_and_empty() -> None:
    files = Logins().render("a.test")
    assert files[LoginFormat.LINES] == b""
    assert cdblib.Reader(files[LoginFormat.MAP]).items() == []


def test_no_hash_is_shown_when_logins_are_printed() -> None:
    assert "hash" not in repr(LOGINS)
