"""What the log says of requests that were not good."""

from __future__ import annotations

import logging


class WithoutTraceback(logging.Filter):
    """One line: what a stranger sends is no fault of the panel, and must not fill the log.

    Of requests under another host name, of which scanners send thousands, only the first is said.
    """

    def __init__(self) -> None:
        super().__init__()
        self._has_said_host = False

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security") or getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        if record.name != "django.security.DisallowedHost":
            return True
        is_first, self._has_said_host = not self._has_said_host, True
        return is_first
