"""Talking to servers elsewhere, which may be slow: each keeps a thread of the web server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Refused

AT_ONCE = 2
WAIT_SECONDS = 2.0
_talking = BoundedSemaphore(AT_ONCE)


@contextmanager
def talking_outside() -> Iterator[None]:
    """Raises Refused while others do."""
    if not _talking.acquire(timeout=WAIT_SECONDS):
        raise Refused(_("The panel waits for other servers. Try again in a minute."))
    try:
        yield
    finally:
        _talking.release()
