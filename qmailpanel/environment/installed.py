"""The panel that is installed on this host beside a real qmail. See deploy/README.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from qmailpanel.environment.reading import PREFIX

ENVIRONMENT = Path("/etc/qmailpanel/environment")
SERVICE = "qmailpanel-sync"
UNIT = Path(f"/etc/systemd/system/{SERVICE}.service")
KEPT = (Path("/etc/service"), Path("/service"))  # by daemontools


def is_installed() -> bool:
    """Whether this host has one, for whoever may read its settings."""
    return os.access(ENVIRONMENT, os.R_OK)


def command_name() -> str:
    """What the panel's commands are called here."""
    return "qmailpanel" if is_installed() else "./manage.py"


def sync_command() -> str:
    """What starts the sync service here, whoever keeps it."""
    if UNIT.exists():
        return f"systemctl start {SERVICE}"
    for directory in KEPT:
        if (directory / SERVICE).exists():
            return f"svc -u {directory / SERVICE}"
    return f"{command_name()} qmailsync"


def refuse_to_guess(environ: Mapping[str, str]) -> None:
    """Raises ImproperlyConfigured where the host's panel has settings and none were given.

    A command would make a state directory of its own and judge an empty mail host.
    """
    if is_installed() and not any(name.startswith(PREFIX) for name in environ):
        raise ImproperlyConfigured(
            f"The settings of this host's panel are in {ENVIRONMENT}: write qmailpanel in the "
            f"place of manage.py, which reads them. For a panel of another state directory set "
            f"QMAILPANEL_STATE_DIR."
        )
