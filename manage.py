#!/usr/bin/env python3
"""The panel's commands."""

import os
import sys


def main() -> None:
    """Run a command; what the environment gets wrong is said in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qmailpanel.settings")
    from django.conf import settings  # noqa: PLC0415 - only after the line above
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - as above
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - as above

    try:
        _ = settings.DEBUG
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
