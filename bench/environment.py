"""The settings of a panel that is measured, in a process of its own that begins with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_IS_SET = "BENCH_IS_SET"


def environment_of(state: Path, home: Path, database: str, **settings: str) -> dict[str, str]:
    """`home`: that of qmail. `database`: the URL of an empty one; else SQLite."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "qmailpanel.settings",
        "DATABASE_URL": database,
        "EMAIL_URL": "memorymail://",
        "QMAILPANEL_STATE_DIR": str(state),
        "QMAILPANEL_QMAIL_HOME": str(home),
        **settings,
    }


def is_set() -> bool:
    """Whether this process was begun by `run_again`."""
    return _IS_SET in os.environ


def run_again(module: str, place: Path, database: str, **settings: str) -> int:
    """This very command, with a panel below `place` that asks for no second factor."""
    settings |= {_IS_SET: "yes", "QMAILPANEL_SECOND_FACTOR": "none"}
    environment = environment_of(place / "state", place / "qmail", database, **settings)
    command = [sys.executable, "-m", module, *sys.argv[1:]]
    return subprocess.run(command, env=environment, check=False).returncode
