"""What the doctor sees of the logs that multilog keeps of qmail-send."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from qmailpanel.qmail.doctor.examined import KeptLog
from qmailpanel.qmail.formats.multilog import (
    LogDirectory,
    is_of_send,
    read_directories,
    read_stamp,
)
from qmailpanel.qmail.host.examine_machine import find_services
from qmailpanel.qmail.host.files import opened

BEGINNING = 1 << 16  # bytes of a log that say whose it is


def read_logs() -> Iterator[KeptLog]:
    """Those of this machine, so far as it tells us where they are."""
    for process in find_services([b"multilog"]):
        with contextlib.suppress(OSError):  # ended meanwhile, or not ours to see
            yield from _read_kept(process)


def _read_kept(process: Path) -> Iterator[KeptLog]:
    words = (process / "cmdline").read_bytes().split(b"\0")[1:-1]
    for directory in read_directories(words):
        path = Path(os.fsdecode(directory.path))
        whole = path if path.is_absolute() else Path(os.readlink(process / "cwd"), path)
        with opened(str(whole / "current"), follow=True) as (fd, _):
            is_kept = is_of_send(os.read(fd, BEGINNING))
        if is_kept:
            yield KeptLog(str(whole), directory.size, directory.files, _measure(whole, directory))


def _measure(path: Path, directory: LogDirectory) -> float | None:
    """The seconds since it was done with the oldest file; None before one had to go."""
    stamps = [stamp for name in os.listdir(path) if (stamp := read_stamp(name)) is not None]
    return time.time() - min(stamps) if len(stamps) >= directory.files - 1 > 0 else None
