"""The locks under which vpopmail's commands write the shared files: `users/assign.lock` and such.

See get_write_lock() in its file_lock.c: who does not get one tries again each two seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from qmailpanel.qmail.host.files import opened

LOCK_SECONDS = 2.0


@contextlib.contextmanager
def hold_vpopmail_lock(name: str, directory: int) -> Iterator[None]:
    """Keep vpopmail from writing a file of `directory`. Where it never did, there is no lock.

    Goes on without it after a while: whoever hangs there must not stop everybody's changes.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            fd, _ = held.enter_context(opened(f"{name}.lock", directory, flags=os.O_RDWR))
            _wait_for_lock(fd)
        yield


def _wait_for_lock(fd: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError, PermissionError):  # both say "held". See fcntl(2)
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)
