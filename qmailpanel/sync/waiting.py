"""Sync before the database has the tables that it needs."""

from __future__ import annotations

import logging
import time

from django.db import DatabaseError

from qmailpanel.sync.trigger import notify
from qmailpanel.tables import has_tables, say_what_to_do

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


def wait_for_tables() -> None:
    """Until somebody runs `migrate`; it is said once. TERM ends it, for nothing was begun."""
    if _may_have_tables():
        return
    log.error("%s", say_what_to_do())
    notify("READY=1")
    while not _may_have_tables():
        notify("WATCHDOG=1")
        time.sleep(LOOK_SECONDS)


def _may_have_tables() -> bool:
    """True too where the database does not answer: the service says so, and tries again."""
    try:
        return has_tables()
    except DatabaseError:
        return True
