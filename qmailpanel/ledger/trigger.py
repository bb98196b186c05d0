"""The fifo that wakes the sync service. See fifo(7)."""

from __future__ import annotations

import os
import stat

from django.conf import settings


def _open_fifo() -> int | None:
    """The writing end of the fifo; none without a fifo or without a reader. See fifo(7)."""
    try:
        fifo = os.open(settings.QMAILPANEL_FIFO, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISFIFO(os.fstat(fifo).st_mode):
        return fifo
    os.close(fifo)
    return None


def pull() -> None:
    """Wake the sync service if it runs; if not, its slow poll or next start finds the change."""
    fifo = _open_fifo()
    if fifo is None:
        return
    try:
        os.write(fifo, b"\0")
    except OSError:
        pass  # full, so it is about to wake anyway, or gone this moment
    finally:
        os.close(fifo)


def fifo_has_reader() -> bool:
    """Does a sync service on this host listen right now?"""
    fifo = _open_fifo()
    if fifo is not None:
        os.close(fifo)
    return fifo is not None
