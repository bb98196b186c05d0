"""The sync service as a process, killed and started again while people go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

ROOT = Path(__file__).parents[2]


class KilledService:
    """`manage.py qmailsync` on the host and the database of this test."""

    def __init__(self, directory: Path, settings: Any) -> None:
        """`directory`: the state directory; `settings` are those of the test."""
        directory.mkdir(exist_ok=True)
        settings.QMAILPANEL_FIFO = directory / "sync.fifo"
        self.log = directory / "sync.log"
        self.kills = 0
        self._world = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": _database_url(),
            "QMAILPANEL_STATE_DIR": str(directory),
            "QMAILPANEL_DOVECOT": "off",
            **{
                name: str(getattr(settings, name))
                for name in (
                    "QMAILPANEL_QMAIL_HOME",
                    "QMAILPANEL_MAIL_ROOT",
                    "QMAILPANEL_SYNC_DIR",
                    "QMAILPANEL_MAIL_USER",
                    "QMAILPANEL_HUP",
                )
            },
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "qmailsync"],
                cwd=ROOT,
                env=self._world,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Without mercy, wherever it is."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.kills += 1


def _database_url() -> str:
    """Of the database that the tests made, not of the one that they were given."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    given = os.environ["TEST_DATABASE_URL"]
    return urlsplit(given)._replace(path=f"/{name}").geturl()
