"""What the log says of requests that were not good."""

from __future__ import annotations

import logging
import time

from .busy import is_passing

SILENCE = 1.0  # seconds


class WithoutTraceback(logging.Filter):
    """One line: what a stranger sends is no fault of the panel, and must not fill the log.

    Of requests under another host name, of which scanners send thousands, only the first is said.
    Of a database that is busy or away, one line a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._has_said_host = False
        self._spoke = -SILENCE

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "django.request" and is_passing(error):
            record.exc_info = None
            record.msg, record.args = "the database: %s", (str(error).partition("\n")[0],)
            return self._speaks()
        if record.name.startswith("django.security") or getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        if record.name != "django.security.DisallowedHost":
            return True
        is_first, self._has_said_host = not self._has_said_host, True
        return is_first

    def _speaks(self) -> bool:
        """Once in a second: of a database that is away, every page fails, and at once."""
        now = time.monotonic()
        if now - self._spoke < SILENCE:
            return False
        self._spoke = now
        return True
