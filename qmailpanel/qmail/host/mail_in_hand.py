"""Mail that qmail took a moment ago and has not brought to everybody here. See qmail-send(8)."""

from __future__ import annotations

import stat
import time
from collections.abc import Set
from contextlib import suppress
from itertools import chain
from pathlib import Path

LOOK_SECONDS = 0.05
HOPS = 2  # a message goes when what it is forwarded as is there


def let_it_be_done(home: str, seconds: float) -> None:
    """Wait until it is, and what it is forwarded as; for at most so many seconds.

    What came longer ago than that waits for something else, and nobody waits for it.
    """
    queue, until = Path(home, "queue"), time.monotonic() + seconds
    for _ in range(HOPS):
        messages = _find_since(queue, time.time() - seconds)
        while messages and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            messages &= _read(queue).keys()


def _find_since(queue: Path, since: float) -> Set[str]:
    found = set[str]()
    for name, path in _read(queue).items():
        with suppress(OSError):  # it went on meanwhile
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_mtime > since:
                found.add(name)
    return found


def _read(queue: Path) -> dict[str, Path]:
    """All messages with recipients here: one is in `local` before it leaves `todo`."""
    places = ("todo/*", "todo/*/*", "local/*/*")  # some qmails have directories in todo
    return {path.name: path for path in chain.from_iterable(map(queue.glob, places))}
