"""The one kit that reads, writes and enters: what it refuses, and what it leaves behind."""

from __future__ import annotations

import ast
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmailpanel.qmail.host import files
from qmailpanel.qmail.host.files import Rights, create, entered, put, read_file, read_plain
from qmailpanel.qmail.plan.state import Bad

OURS = Rights(0o600)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir()
    (path / "file").write_bytes(b"one\rtwo\nthree")
    return path


@pytest.fixture
def parent(place: Path) -> Iterator[int]:
    with entered(str(place)) as directory:
        yield directory


def plant(path: Path, kind: str) -> None:
    """Something that is not a plain file."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("file")


# read


def test_a_plain_file_is_read_byte_for_byte_from_any_place(parent) -> None:
    assert read_file("file", parent).content == b"one\rtwo\nthree"
    assert read_file("file", parent, start=8).content == b"three"
    assert read_file("file", parent, start=100).content == b""


@pytest.mark.parametrize("kind", ["fifo", "directory", "link"])
def test_nothing_but_a_plain_file_is_read_and_nobody_waited_for(place, parent, kind) -> None:
    plant(place / "other", kind)
    with pytest.raises(OSError):  # noqa: PT011 - each kind has its own
        read_file("other", parent)
    assert isinstance(read_plain("other", parent), Bad)


def test_a_link_is_followed_only_where_it_was_said(place, parent) -> None:
    plant(place / "other", "link")
    assert read_file("other", parent, follow=True).content == b"one\rtwo\nthree"
    (place / "door").symlink_to(".")
    with pytest.raises(NotADirectoryError), entered("door", parent):
        pass
    with entered("door", parent, follow=True) as directory:
        assert "file" in os.listdir(directory)


def test_a_file_is_read_up_to_its_bound_and_refused_beyond(place, parent) -> None:
    (place / "file").write_bytes(b"x" * 100)
    assert len(read_file("file", parent, most=100).content) == 100
    with pytest.raises(OSError, match="too large"):
        read_file("file", parent, most=99)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(place, parent, monkeypatch) -> None:
    read, growing = os.read, iter([b"four\n", b"five\n"])

    def read_and_grow(fd: int, size: int) -> bytes:
        part = read(fd, size)
        with (place / "file").open("ab") as file:
            file.write(next(growing, b""))
        return part

    monkeypatch.setattr(os, "read", read_and_grow)
    assert read_file("file", parent).content == b"one\rtwo\nthreefour\nfive\n"


def test_a_file_of_strangers_has_one_name_only(place, parent) -> None:
    assert read_plain("file", parent) == b"one\rtwo\nthree"
    (place / "second").hardlink_to(place / "file")
    assert isinstance(read_plain("file", parent), Bad)
    assert read_plain("none", parent) is None


def test_reading_leaves_the_access_time_alone(place, parent) -> None:
    os.utime(place / "file", (1, 2))
    read_file("file", parent)
    assert (place / "file").stat().st_atime == 1


# write


def test_a_file_is_put_in_the_place_of_whatever_has_the_name(place, parent) -> None:
    for kind in ("fifo", "link"):
        plant(place / "other", kind)
        put("other", parent, b"new\n", Rights(0o640), second=77)
        status = (place / "other").lstat()
        assert (place / "other").read_bytes() == b"new\n"
        assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o640, 77)
        (place / "other").unlink()
    assert (place / "file").read_bytes() == b"one\rtwo\nthree"
    assert os.listdir(place) == ["file"]


def test_a_new_file_goes_over_nothing(parent) -> None:
    with pytest.raises(FileExistsError):
        create("file", parent, b"new\n", OURS)
    assert read_file("file", parent).content == b"one\rtwo\nthree"


def test_a_file_that_is_written_in_parts_is_whole(parent, monkeypatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: write(fd, content[:3]))
    create("new", parent, b"./Maildir/\n", OURS)
    assert read_file("new", parent).content == b"./Maildir/\n"


@pytest.mark.parametrize("call", ["write", "fchmod", "fsync", "utime"])
def test_a_file_that_cannot_be_written_whole_leaves_nothing_behind(
    place, parent, monkeypatch, call
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    for write in (create, put):
        with pytest.raises(OSError, match="No space left"):
            write("new", parent, b"new\n", OURS, second=77)
    assert os.listdir(place) == ["file"]


def test_one_line_says_how_anything_on_the_host_is_opened() -> None:
    """Whoever opens a file by itself could forget a part of what makes it safe."""
    modules = Path(files.__file__).parent.glob("*.py")
    opening = {m.name for m in modules if any(map(opens, ast.walk(ast.parse(m.read_text()))))}
    assert opening == {"files.py", "map_compiler.py"}  # the map is filled through what was created
    assert Path(files.__file__).read_text().count("O_NOFOLLOW") == 1


def opens(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("open", "os.open", "io.open")
