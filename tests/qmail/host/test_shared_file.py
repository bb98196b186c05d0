"""A shared file is read again where its times say that somebody wrote it, or may have."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import Raced
from qmailpanel.qmail.host.shared_file import SharedFile, _tells_of_writing

AWHILE = 0.03
OLD, NEW = b"a.test\nb.test\n" * 2, b"a.test\nc.test\n" * 2  # of one length


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / Shared.RCPT
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


@pytest.fixture
def file(path: Path) -> SharedFile:
    return SharedFile(str(path.parents[1]), Shared.RCPT, set)


def test_what_nobody_wrote_for_a_while_is_not_read_again(file) -> None:
    time.sleep(AWHILE)
    assert file.read() is file.read()
    assert file.read(again=True) == OLD


def test_what_was_written_just_now_is_read_again(file, monkeypatch) -> None:
    """Within one tick of its clock a file system tells nobody of a second writing."""
    monkeypatch.setattr("qmailpanel.qmail.host.shared_file.TICK_NS", 60_000_000_000)
    assert file.read() is not file.read()


@pytest.mark.parametrize("how", ["in place", "swapped"])
def test_whoever_puts_its_times_back_is_seen(path, file, how) -> None:
    time.sleep(AWHILE)
    assert file.read() == OLD
    before = path.stat()
    if how == "in place":
        with path.open("r+b") as there:
            there.write(NEW)
    else:
        other = path.with_name("other")
        other.write_bytes(NEW)
        other.rename(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.read() == NEW


def test_a_second_is_too_short_where_a_file_system_counts_whole_ones() -> None:
    assert not _tells_of_writing(5 * 10**9, 5 * 10**9 + 900_000_000)
    assert _tells_of_writing(5 * 10**9, 6 * 10**9 + 1)
    assert _tells_of_writing(5 * 10**9 + 1, 5 * 10**9 + 900_000_000)


def test_what_it_wrote_itself_is_not_read_again_unless_somebody_writes_it(
    path, monkeypatch
) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.shared_file.TICK_NS", -60_000_000_000)
    file = SharedFile(str(path.parents[1]), Shared.RCPT, set)
    file.replace(OLD, NEW)
    assert file.read() is NEW
    path.write_bytes(OLD)
    assert file.read() == OLD


def test_what_others_put_in_its_place_at_once_is_read(path, file, monkeypatch) -> None:
    """They may have done so before it had another look at what it wrote."""
    monkeypatch.setattr("qmailpanel.qmail.host.shared_file.TICK_NS", -60_000_000_000)
    swapped = libc.exchange

    def exchange(directory: int, one: str, other: str) -> None:
        swapped(directory, one, other)
        theirs = path.with_name("theirs")
        theirs.write_bytes(OLD + b"theirs.test\n")
        theirs.rename(path)

    monkeypatch.setattr("qmailpanel.qmail.host.libc.exchange", exchange)
    file.replace(OLD, NEW)
    assert file.read() == OLD + b"theirs.test\n"


def test_what_is_no_file_when_it_is_swapped_out_is_put_back(path, file, monkeypatch) -> None:
    swapped, theirs = libc.exchange, path.with_name("theirs")
    theirs.symlink_to("elsewhere")

    def exchange(directory: int, one: str, other: str) -> None:
        if theirs.is_symlink():
            theirs.rename(path)
        swapped(directory, one, other)

    monkeypatch.setattr("qmailpanel.qmail.host.libc.exchange", exchange)
    with pytest.raises(Raced):
        file.replace(OLD, NEW)
    assert path.readlink() == Path("elsewhere")


def test_one_that_is_gone_is_not_there(path, file) -> None:
    file.read()
    path.unlink()
    assert file.read() is None
