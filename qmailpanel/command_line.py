"""A command of the panel, from its words to its exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from qmailpanel.environment.installed import refuse_to_guess
from qmailpanel.environment.reading import read_settings
from qmailpanel.environment.version import read_version
from qmailpanel.state_dir import prepare_state
from qmailpanel.tables import has_tables, say_what_to_do

LOOKING = {"check", "diffsettings", "doctor"}
TELLING = {"help", "version"}


def run_command(argv: Sequence[str]) -> None:
    """What keeps it from running is said in a sentence."""
    if argv[1:2] in (["version"], ["--version"]):
        sys.stdout.write(f"{read_version()}\n")
        return
    try:
        _prepare(argv[1:])
        _execute(argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except BrokenPipeError:
        _end_without_reader()
    except DatabaseError as error:
        sys.exit(_explain(error))


def only_looks(words: Sequence[str]) -> bool:
    """Whether this command needs no state, and therefore makes none."""
    return _only_tells(words) or words[0] in LOOKING


def _only_tells(words: Sequence[str]) -> bool:
    """It needs no settings either."""
    return not words or words[0].lstrip("-") in TELLING or bool({"--help", "-h"} & set(words[:2]))


def _prepare(words: Sequence[str]) -> None:
    if not _only_tells(words):
        refuse_to_guess(os.environ)
    if not only_looks(words):
        prepare_state(read_settings(os.environ))
    _ = settings.DEBUG  # reads them all


def _execute(argv: Sequence[str]) -> None:
    try:
        execute_from_command_line(list(argv))
    finally:
        sys.stdout.flush()


def _end_without_reader() -> None:
    """As any program ends whose reader has gone, as head has; nothing is said at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _explain(error: DatabaseError) -> str:
    """What to do, so far as that is known; else it is an error of the panel, and raised again."""
    try:
        if not has_tables():
            return say_what_to_do()
    except DatabaseError as silence:
        return f"The database does not answer: {str(silence).strip()}"
    raise error
