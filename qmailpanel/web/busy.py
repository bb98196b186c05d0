"""What the web process does when the database keeps it waiting, or does not answer.

No page waits long for another transaction, because each that waits has a thread. Sync and commands
wait as long as it takes.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

LOCK, STATEMENT = 5, 10  # seconds
AGAIN = 5
SQLITE_WAITS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# class of SQLSTATE: connection, rollback, resources, prerequisite, operator. See PostgreSQL, A.
POSTGRES_WAITS = ("08", "40", "53", "55", "57")


def bound_waiting() -> None:
    """Before the first connection of a process: none of its statements waits longer."""
    database = connections.settings["default"]
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "qmailpanel.sqlite3":
        options["timeout"] = LOCK
        return
    bounds = f"-c lock_timeout={LOCK}s -c statement_timeout={STATEMENT}s"
    options["options"] = f"{bounds} {options.get('options', '')}".strip()


def is_passing(error: BaseException | None) -> bool:
    """Whether the same may go well in a moment: the database is busy, away, or starting."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    cause: Any = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in SQLITE_WAITS
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(POSTGRES_WAITS)


@requires_csrf_token
def answer_error(request: HttpRequest) -> HttpResponse:
    """The panel's handler500: asked while the error is still at hand."""
    if not is_passing(sys.exc_info()[1]):
        return server_error(request)
    response = render(None, "503.html", status=503)
    response["Retry-After"] = str(AGAIN)
    return response
