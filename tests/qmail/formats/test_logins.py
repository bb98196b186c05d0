"""Login files: the same records as lines and as a map, of a large name in shards."""

from __future__ import annotations

import cdblib
import pytest

from qmailpanel.qmail.formats.logins import MOST, SHARDS, LoginFiles, Logins, Record

BOB = (Record("bob", "", "{X}hash:110:31::/m/a.test/bob::"), Record("bob", "/off/pop3", "!::::::"))
ANN = (Record("ann", "", "!:110:31::/m/a.test/ann::"),)
LOGINS = Logins(("a.test", "b.test"), {"a.test/bob": BOB, "a.test/ann": ANN})


def many(count: int) -> Logins:
    homes = {f"a.test/box{n}": (Record(f"box{n}", "", "!::::::"),) for n in range(count)}
    return Logins(("a.test",), homes)


def check_maps(files: LoginFiles) -> None:
    """Each answers what the lines beside it say."""
    lines = {path: text for path, text in files.items() if path.endswith(".passwd")}
    assert len(files) == 2 * len(lines)
    for path, text in lines.items():
        pairs = [tuple(line.split(b":", 1)) for line in text.splitlines()]
        assert cdblib.Reader(files[path.replace(".passwd", ".cdb")]).items() == pairs


def test_the_map_answers_what_the_lines_say_in_the_order_of_the_local_parts() -> None:
    files = LOGINS.render("b.test")
    assert files["b.test.passwd"].splitlines() == [
        b"ann@b.test:!:110:31::/m/a.test/ann::",
        b"bob@b.test:{X}hash:110:31::/m/a.test/bob::",
        b"bob@b.test/off/pop3:!::::::",
    ]
    check_maps(files)


def test_a_home_that_is_not_there_opens_to_nobody() -> None:
    files = LOGINS.render("a.test", without={"a.test/bob"})
    assert files["a.test.passwd"] == b"ann@a.test:!:110:31::/m/a.test/ann::\n"
    check_maps(files)


def test_where_nobody_signs_in_the_files_are_there_and_empty() -> None:
    files = Logins().render("a.test")
    assert files["a.test.passwd"] == b""
    check_maps(files)


def test_a_name_with_many_mailboxes_has_shards_and_each_is_where_readers_look_for_it() -> None:
    small, large = many(MOST).render("a.test"), many(MOST + 1).render("a.test")
    assert small.keys() == {"a.test.cdb", "a.test.passwd"}
    assert large.keys() == {f"a.test.d/{s}.{kind}" for s in SHARDS for kind in ("cdb", "passwd")}
    check_maps(large)
    lines = [text for path, text in large.items() if path.endswith(".passwd")]
    assert sorted(b"".join(lines).splitlines()) == sorted(
        [*small["a.test.passwd"].splitlines(), f"box{MOST}@a.test:!::::::".encode()]
    )
    bob = LOGINS.render("a.test", there={"a.test.d/00.cdb": b""})
    assert b"bob@" in bob["a.test.d/9f.passwd"]  # printf bob | md5sum


@pytest.mark.parametrize("there", [{"a.test.d/00.passwd"}, {"a.test.d/ff.cdb", "a.test.passwd"}])
def test_a_name_that_was_large_keeps_its_shards(there) -> None:
    files = LOGINS.render("a.test", there=dict.fromkeys(there, b""))
    assert len(files) == 2 * len(SHARDS)
    assert sum(text.count(b"\n") for path, text in files.items() if path.endswith(".passwd")) == 3


@pytest.mark.parametrize("there", [{"a.test.passwd"}, {"a.test.d"}, {"b.a.test.d/00.cdb"}, set()])
def test_what_is_no_shard_of_a_name_makes_it_none(there) -> None:
    assert LOGINS.render("a.test", there=dict.fromkeys(there, b"")).keys() == {
        "a.test.cdb",
        "a.test.passwd",
    }


def test_no_hash_is_shown_when_logins_are_printed() -> None:
    assert "hash" not in repr(LOGINS)
