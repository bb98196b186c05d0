"""Sync while the database does not answer, or has not the tables that it needs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from qmailpanel.sync.trigger import notify
from qmailpanel.tables import has_tables, say_what_to_do

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


def wait_for_tables(is_over: Callable[[], bool] = lambda: False) -> bool:
    """Until it has them, or nobody waits any more; what is wrong is said once. Was anything?"""
    said = ""
    while not is_over() and (trouble := _find_trouble()):
        if trouble != said:
            log.error("%s", trouble)
            said = trouble
        notify("READY=1\nWATCHDOG=1")
        time.sleep(LOOK_SECONDS)
    return bool(said)


def _find_trouble() -> str:
    try:
        return "" if has_tables() else say_what_to_do()
    except DatabaseError as silence:
        connection.close()
        return _("The database does not answer: %(why)s") % {"why": str(silence).strip()}
