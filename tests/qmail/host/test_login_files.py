"""Login files on the disk: where many may sign in they lie in shards, and a change costs one."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from qmailpanel.qmail.formats.logins import MOST, SHARDS, Logins, Record
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.host.login_files import LoginDirectory
from qmailpanel.qmail.layout.rows import DomainRows, LoginRow, MailboxRow
from qmailpanel.qmail.plan.steps import RemoveLogins, WriteLogins
from tests.kit.cuts import Cut, count_down
from tests.kit.disk import make_home, make_true, open_home

NAME = "a.test"
HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"
PAIR = {f"{NAME}.cdb", f"{NAME}.passwd"}
ALL = {f"{NAME}.d/{shard}.{kind}": b"" for shard in SHARDS for kind in ("cdb", "passwd")}


@pytest.fixture
def home(in_memory: Path) -> Path:
    return make_home(in_memory / "qmail")


@pytest.fixture
def large(home: Path) -> Path:
    """With ten mailboxes of a domain that had many."""
    have_shards(home)
    make(home, 10)
    return home


def have_shards(home: Path) -> None:
    (home / f"logins/{NAME}.d").mkdir(parents=True)
    (home / f"logins/{NAME}.d/00.passwd").touch()


def rows(count: int, first: str = HASH, *, removed: bool = False) -> DomainRows:
    boxes = [
        MailboxRow(n, n, f"box{n}", login=LoginRow(HASH if n else first)) for n in range(count)
    ]
    return DomainRows(domain=1, name=NAME, prepend=100, change=1, mailboxes=boxes, removed=removed)


def make(home: Path, count: int, first: str = HASH, *, removed: bool = False) -> list[str]:
    """What sync does with so many mailboxes: the kinds of its steps."""
    host, steps = open_home(home), list[str]()
    make_true(host, [rows(count, first, removed=removed)], lambda s: steps.append(type(s).__name__))
    return steps


def files(home: Path) -> set[str]:
    logins = home / "logins"
    return {str(path.relative_to(logins)) for path in logins.rglob("*") if not path.is_dir()}


def facts(home: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each."""
    paths = {name: home / "logins" / name for name in files(home)}
    return {name: (path.lstat().st_mode, path.read_bytes()) for name, path in paths.items()} | {
        place.name: (place.stat().st_mode, b"") for place in (home / "logins").glob("*.d")
    }


def inodes(home: Path) -> dict[str, int]:
    return {name: (home / "logins" / name).stat().st_ino for name in files(home)}


def find(logins: Path, local: str) -> str:
    """As Dovecot finds somebody: in the one file, or else in the shard."""
    shard = hashlib.md5(local.encode(), usedforsecurity=False).hexdigest()[:2]
    for path in (logins / f"{NAME}.passwd", logins / f"{NAME}.d/{shard}.passwd"):
        if path.exists():
            for line in path.read_text().splitlines():
                if line.startswith(f"{local}@{NAME}:"):
                    return line
    return ""


def test_a_domain_that_grows_gets_shards_in_which_each_is_found_and_keeps_them(home) -> None:
    make(home, MOST)
    assert files(home) == PAIR
    assert "WriteLogins" in make(home, MOST + 1)
    assert files(home) == ALL.keys()
    assert all(find(home / "logins", f"box{n}") for n in range(MOST + 1))
    assert make(home, MOST + 1) == []
    make(home, MOST - 1)
    assert files(home) == ALL.keys()
    found = [bool(find(home / "logins", f"box{n}")) for n in (MOST - 2, MOST - 1, MOST)]
    assert found == [True, False, False]
    make(home, MOST - 1, removed=True)
    assert [*(home / "logins").iterdir()] == []


def test_a_password_costs_one_shard(large) -> None:
    before = inodes(large)
    make(large, 10, first=f"{HASH}x")
    after = inodes(large)
    changed = {name for name in ALL if before[name] != after[name]}
    shard = hashlib.md5(b"box0", usedforsecurity=False).hexdigest()[:2]
    assert changed == {f"{NAME}.d/{shard}.cdb", f"{NAME}.d/{shard}.passwd"}
    assert f"{HASH}x" in find(large / "logins", "box0")


def by_hand(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """In the shard of box0."""
    shard = hashlib.md5(b"box0", usedforsecurity=False).hexdigest()[:2]
    return lambda home: change(home / f"logins/{NAME}.d/{shard}.passwd")


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("aside"))
    path.symlink_to(path.with_name("aside"))


HAND = {
    "a line is changed": by_hand(lambda path: path.write_text(f"box0@{NAME}:{{PLAIN}}x::::::\n")),
    "a line is added": by_hand(lambda path: path.write_text(f"{path.read_text()}eve@{NAME}:!\n")),
    "a shard is gone": by_hand(lambda path: path.unlink()),
    "a map is gone": by_hand(lambda path: path.with_suffix(".cdb").unlink()),
    "a shard is a link": by_hand(replace_by_link),
    "anybody may read it": by_hand(lambda path: path.chmod(0o644)),
    "anybody may list it": by_hand(lambda path: path.parent.chmod(0o755)),
    "something else is there": by_hand(lambda path: path.with_name("zz.passwd").write_text("x")),
    "a write was cut": by_hand(lambda path: path.with_name(".qmailpanel-new7").write_text("x")),
    "the one file is there": by_hand(
        lambda path: (path.parents[1] / f"{NAME}.passwd").write_text(f"box0@{NAME}:!::::::\n")
    ),
}


@pytest.mark.parametrize("change", HAND.values(), ids=HAND.keys())
def test_what_somebody_did_to_shards_by_hand_is_undone(large, change) -> None:
    before = facts(large)
    change(large)
    assert facts(large) != before
    make(large, 10)
    assert facts(large) == before
    assert make(large, 10) == []


@pytest.mark.parametrize("make_it", [Path.touch, lambda path: path.symlink_to("/etc")])
def test_what_stands_in_the_place_of_shards_that_are_not_needed_goes(home, make_it) -> None:
    (home / "logins").mkdir()
    make_it(home / f"logins/{NAME}.d")
    make(home, 1)
    assert files(home) == PAIR
    assert Path("/etc/passwd").exists()


def test_what_stands_in_the_place_of_shards_that_are_needed_is_named(in_memory) -> None:
    logins = LoginDirectory(str(in_memory / "logins"), "none", may_change_owners=False)
    (in_memory / "logins").mkdir()
    (in_memory / f"logins/{NAME}.d").touch()
    shards = Logins((NAME,)).render(NAME, there=ALL)
    with pytest.raises(StepFailed, match="Not a directory"):
        logins.apply(WriteLogins(NAME, NAME, shards))


# becoming large


def two(hashed: str) -> Logins:
    homes = {f"{NAME}/{n}": (Record(f"box{n}", "", f"{hashed}:1:1::/m/h/x::"),) for n in range(2)}
    return Logins((NAME,), homes)


def begin_small(place: Path) -> LoginDirectory:
    logins = LoginDirectory(str(place / "logins"), "none", may_change_owners=False)
    logins.apply(WriteLogins(NAME, NAME, two("old").render(NAME)))
    return logins


def become_large(logins: LoginDirectory) -> None:
    there = logins.observe([NAME]).get(NAME, {})
    wanted = two("new").render(NAME, there=ALL)
    other = {path: text for path, text in wanted.items() if there.get(path) != text}
    logins.apply(WriteLogins(NAME, NAME, other, tuple(there.keys() - wanted.keys())))


def moments(place: Path, chance: random.Random) -> Iterable[int]:
    """Of all calls those at both ends, and some in between."""
    logins = begin_small(place)
    with pytest.MonkeyPatch.context() as patch:
        calls = count_down(patch, 10**9)
        become_large(logins)
    return {*range(5), *chance.sample(range(calls[0]), 10), *range(calls[0] - 8, calls[0])}


def test_whoever_becomes_one_of_many_is_found_at_every_moment(in_memory, chance) -> None:
    for cut_at in moments(in_memory / "first", chance):
        logins = begin_small(in_memory / str(cut_at))
        with pytest.MonkeyPatch.context() as patch:
            count_down(patch, cut_at)
            with pytest.raises(Cut):
                become_large(logins)
        place = in_memory / str(cut_at) / "logins"
        lines = [find(place, f"box{n}").split(":") for n in range(2)]
        assert {line[1] for line in lines} <= {"old", "new"}, cut_at
        again = LoginDirectory(logins.path, "none", may_change_owners=False)
        become_large(again)
        assert again.observe([NAME])[NAME] == two("new").render(NAME, there=ALL), cut_at


@pytest.mark.parametrize("call", [(libc, "syncfs"), (os, "write")])
def test_a_disk_that_is_full_leaves_all_as_it_was(in_memory, monkeypatch, call) -> None:
    logins = begin_small(in_memory)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(*call, fail)
        with pytest.raises(StepFailed, match="No space left"):
            become_large(logins)
    assert {path.name for path in (in_memory / "logins").rglob("*") if path.is_file()} == PAIR


def test_shards_go_with_the_name_and_their_directory_with_them(in_memory) -> None:
    logins = begin_small(in_memory)
    become_large(logins)
    assert logins.read_ways("/m") == {"h": {NAME}}
    logins.apply(RemoveLogins(NAME, NAME))
    assert [*(in_memory / "logins").iterdir()] == []
    assert logins.observe([NAME]) == {}
