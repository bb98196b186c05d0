#!/usr/bin/env python3
"""The panel's commands."""

import os
import sys
from collections.abc import Sequence

LOOKING = {"check", "diffsettings", "doctor", "help", "version"}


def main() -> None:
    """Run a command; what the environment gets wrong is said in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qmailpanel.settings")
    from django.conf import settings  # noqa: PLC0415 - only after the line above
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - as above
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - as above

    from qmailpanel.environment.reading import read_settings  # noqa: PLC0415 - as above
    from qmailpanel.state_dir import prepare_state  # noqa: PLC0415 - as above

    try:
        if not only_looks(sys.argv[1:]):
            prepare_state(read_settings(os.environ))
        _ = settings.DEBUG
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    execute_from_command_line(sys.argv)


def only_looks(words: Sequence[str]) -> bool:
    """Whether this command needs no state, and therefore makes none."""
    return not words or words[0].lstrip("-") in LOOKING or bool({"--help", "-h"} & set(words[:2]))


if __name__ == "__main__":
    main()
