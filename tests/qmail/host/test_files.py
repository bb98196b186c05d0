"""The one kit that reads, writes and enters: what it refuses, and what it leaves behind."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from qmailpanel.qmail.host import files
from qmailpanel.qmail.host.files import (
    Rights,
    create,
    entered,
    open_at,
    opened,
    put,
    read_file,
    read_plain,
    says,
)
from qmailpanel.qmail.plan.state import Bad

OURS = Rights(0o600)
IN_OPEN = 0x20  # see inotify(7)
LIBC = ctypes.CDLL(None)


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


def in_a_session(act: Callable[[], object]) -> bytes:
    """What a process with no terminal has for one after that, as its stat says. See proc(5)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        with contextlib.suppress(OSError):
            act()
        os.write(writing, Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()[4])
        os._exit(0)
    os.waitpid(child, 0)
    said = os.read(reading, 64)
    os.close(reading)
    os.close(writing)
    return said


@pytest.mark.parametrize("follow", [False, True])
def test_a_terminal_that_is_opened_never_becomes_ours(follow) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    reading = partial(read_file, name, follow=follow)
    assert in_a_session(reading) == b"0"
    assert in_a_session(lambda: os.close(open_at(name, os.O_RDONLY, follow=follow))) == b"0"
    assert in_a_session(lambda: os.close(os.open(name, os.O_RDWR))) != b"0"  # it would
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_RDWR])
def test_what_is_no_plain_file_is_not_even_opened(place, parent, flags) -> None:
    """Opening alone acts on a device, and lets whoever waits at a fifo go on."""
    os.mkfifo(place / "other")
    (place / "link").symlink_to("other")
    watch = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert LIBC.inotify_add_watch(watch, os.fsencode(place), IN_OPEN) > 0
    for name, follow in (("other", False), ("link", True)):
        with (
            pytest.raises(OSError, match="else than a file"),
            opened(name, parent, flags=flags, follow=follow),
        ):
            pass
    with pytest.raises(BlockingIOError):
        os.read(watch, 4096)
    with opened("file", parent):
        assert os.read(watch, 4096)  # it does tell
    os.close(watch)


def test_a_file_that_may_not_be_read_is_told_by_its_name(place) -> None:
    (place / "file").chmod(0)
    told = "import sys; from qmailpanel.qmail.host.files import read_file; read_file(sys.argv[1])"
    drop = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-c", told, str(place / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"PermissionError: [Errno 13] Permission denied: '{place}/file'" in done.stderr


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


@pytest.mark.parametrize("at_once", [4, 1000])
@pytest.mark.parametrize(
    ("content", "same"),
    [
        (b"one\rtwo\nthree", True),
        (b"one\rtwo\nthred", False),
        (b"one\rtwo\nthree\n", False),
        (b"one\rtwo\nthre", False),
        (b"", False),
    ],
)
def test_a_file_says_just_what_it_says(parent, monkeypatch, at_once, content, same) -> None:
    monkeypatch.setattr(files, "AT_ONCE", at_once)
    assert says("file", content, parent) is same


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
