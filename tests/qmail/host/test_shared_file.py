"""A shared file is read again where its times say that somebody wrote it, or may have."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.shared_file import SharedFile

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


def test_what_nobody_wrote_for_a_while_is_not_read_again(path, file, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.shared_file.SETTLED_NS", 0)
    time.sleep(0.02)
    assert file.read() is file.read()
    assert file.read(again=True) == OLD


def test_what_was_written_just_now_is_read_again(file) -> None:
    """Within one tick of its clock a file system tells nobody of a second writing."""
    assert file.read() is not file.read()


@pytest.mark.parametrize("how", ["in place", "swapped"])
def test_whoever_puts_its_times_back_is_seen(path, file, monkeypatch, how) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.shared_file.SETTLED_NS", 0)
    time.sleep(0.02)
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


def test_one_that_is_gone_is_not_there(path, file) -> None:
    file.read()
    path.unlink()
    assert file.read() is None
