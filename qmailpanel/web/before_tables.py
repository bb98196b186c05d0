"""What the panel answers until its database has the tables that it needs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.db import DatabaseError

from qmailpanel.tables import has_tables, say_what_to_do

logger = logging.getLogger(__name__)

HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Retry-After", "10"),
]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class WithTables:
    """A WSGI application that waits for `migrate`, in a sentence and not in tracebacks."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._has_tables = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            self._has_tables = self._has_tables or has_tables()
        except DatabaseError:  # it may have them: the panel says what it says of any trouble
            return self.application(environ, start_response)
        if self._has_tables:
            return self.application(environ, self._watching(start_response))
        sentence = say_what_to_do()
        logger.error("%s", sentence)
        start_response("503 Service Unavailable", HEADERS)
        return [f"{sentence}\n".encode()]

    def _watching(self, start_response: Any) -> Callable[..., Any]:
        """An error may be that they are gone: they are looked for again."""

        def start(status: str, *answer: Any) -> Any:
            self._has_tables = not status.startswith("500")
            return start_response(status, *answer)

        return start
