"""Whether the database has the tables of this release."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from qmailpanel.environment.installed import command_name
from qmailpanel.state_dir import is_host_known


def has_tables() -> bool:
    """Raises DatabaseError where the database does not answer."""
    if settings.CACHES["default"]["LOCATION"] not in connection.introspection.table_names():
        return False
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def say_what_to_do() -> str:
    """For whoever runs the host."""
    if is_host_known(settings.QMAILPANEL_QMAIL_HOME) and not connection.introspection.table_names():
        says = _(
            "The database is empty, but this mail host was made from one: put its backup back. "
            "To begin anew all the same: %(command)s migrate && %(command)s createcachetable"
        )
    else:
        says = _(
            "The database lacks tables that this release needs: "
            "%(command)s migrate && %(command)s createcachetable"
        )
    return says % {"command": command_name()}
