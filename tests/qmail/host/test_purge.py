"""Destroying an archived home: all of it, however large and deep, and nothing beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmailpanel.qmail.host import purge
from qmailpanel.qmail.host.errors import StepFailed
from qmailpanel.qmail.host.mail_root import MailRoot
from qmailpanel.qmail.pause import Round
from qmailpanel.qmail.plan.steps import PurgeHome

DEPTH = 1200  # deeper than Python recurses, and more than a process may have open


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The homes of the mailboxes 5 and 6."""
    root = tmp_path / ".archive"
    for mailbox in ("5", "6"):
        (root / mailbox / "Maildir/new").mkdir(parents=True)
        (root / mailbox / "Maildir/new/1.mail").touch()
    root.chmod(0o700)
    return root


def destroy(archive: Path, pauses: list[int]) -> None:
    root = MailRoot(str(archive.parent), None)
    root.apply(PurgeHome(5), lambda: pauses.append(len(list(archive.rglob("*")))))


def test_a_large_one_lets_others_in_every_now_and_then(archive) -> None:
    for number in range(1000):
        (archive / "5/Maildir/new" / f"{number}.more").touch()
    pauses: list[int] = []
    destroy(archive, pauses)
    assert len(pauses) >= 5
    assert pauses == sorted(pauses, reverse=True)
    assert [path.name for path in archive.iterdir()] == ["6"]
    assert (archive / "6/Maildir/new/1.mail").exists()


def test_a_deep_one_goes_without_opening_more_than_a_few_directories(archive) -> None:
    fd = os.open(archive / "5", os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("deep", dir_fd=fd)
        inner = os.open("deep", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    with pytest.raises(StepFailed, match="keeps writing"):
        destroy(archive, [])  # it comes so far, and is tried again
    destroy(archive, [])
    assert [path.name for path in archive.iterdir()] == ["6"]


def test_one_that_was_left_half_destroyed_goes_too(archive) -> None:
    half = archive / ".purging-5"
    (archive / "6").rename(half)
    destroy(archive, [])
    assert list(archive.iterdir()) == []


def test_what_a_delivery_still_writes_meanwhile_goes_too(archive, monkeypatch) -> None:
    late = os.open(archive / "5/Maildir/new", os.O_RDONLY)
    take_apart, written = purge._take_apart, list[str]()

    def slow(top: int, name: str, fresh: Iterator[str]) -> Round[None]:
        if len(written) < 3:
            written.append(f"late{len(written)}")
            os.close(os.open(written[-1], os.O_WRONLY | os.O_CREAT, dir_fd=late))
        yield from take_apart(top, name, fresh)

    monkeypatch.setattr(purge, "_take_apart", slow)
    destroy(archive, [])
    os.close(late)
    assert written
    assert [path.name for path in archive.iterdir()] == ["6"]
