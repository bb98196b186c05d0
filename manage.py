#!/usr/bin/env python3
"""The panel's commands."""

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent / ".venv"


def main() -> None:
    """Run a command, with what was installed for the panel."""
    python = str(VENV / "bin/python")
    if is_outside() and sys.executable != python:
        os.execv(python, [python, *sys.argv])  # noqa: S606 - this very command
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qmailpanel.settings")
    try:
        from qmailpanel.command_line import run_command  # noqa: PLC0415 - only after the above
    except ModuleNotFoundError as error:
        if str(error.name).startswith("qmailpanel"):
            raise
        sys.exit(
            f"The panel needs {error.name}, which is not installed here: make run installs all it "
            f"needs into .venv, and so do the lines below Install in deploy/README.md."
        )
    run_command(sys.argv)


def is_outside() -> bool:
    """Whether this is the system's Python, and the panel has one of its own."""
    return sys.prefix == sys.base_prefix and (VENV / "pyvenv.cfg").exists()


if __name__ == "__main__":
    main()
