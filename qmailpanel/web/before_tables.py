"""What the panel answers until its database has the tables that it needs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import DatabaseError
from django.http.response import HttpResponseBase

from qmailpanel.tables import has_tables, say_what_to_do

logger = logging.getLogger(__name__)

HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Retry-After", "10"),
]
Application = Callable[[dict[str, Any], Any], HttpResponseBase]
Answer = HttpResponseBase | list[bytes]


class WithTables:
    """A WSGI application that waits for `migrate`, in a sentence and not in tracebacks."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._has_tables = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Answer:
        try:
            self._has_tables = self._has_tables or has_tables()
        except DatabaseError:  # it may have them: the panel says what it says of any trouble
            return self.application(environ, start_response)
        return self._answer(environ, start_response) if self._has_tables else _wait(start_response)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Answer:
        """The panel's; an error may be that the tables are gone: they are looked for again."""
        started: list[tuple[Any, ...]] = []
        body = self.application(environ, lambda *start: started.append(start))
        if started[0][0].startswith("500") and self._have_gone():
            body.close()
            return _wait(start_response)
        start_response(*started[0])
        return body

    def _have_gone(self) -> bool:
        with suppress(DatabaseError):
            self._has_tables = has_tables()
        return not self._has_tables


def _wait(start_response: Any) -> Answer:
    sentence = say_what_to_do()
    logger.error("%s", sentence)
    start_response("503 Service Unavailable", HEADERS)
    return [f"{sentence}\n".encode()]
