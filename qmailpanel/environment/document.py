"""`python -m qmailpanel.environment.document` prints docs/settings.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from qmailpanel.environment.declared import SECTIONS

HEAD = """\
# Settings

All are environment variables. Each is checked when a process starts: one that cannot be used stops
it with a sentence, and so does a `QMAILPANEL_` that is none of these. An empty one counts as not
given, unless the table says what empty means. Two panels with different state directories and qmail
homes run side by side.

*Printed by `make docs` from qmailpanel/environment/.*
"""


def document() -> Iterator[str]:
    """The lines of docs/settings.md."""
    yield HEAD
    for title, settings in SECTIONS.items():
        yield f"## {title}\n"
        yield "| variable | what it says | it must be | default |"
        yield "|---|---|---|---|"
        for setting in settings:
            default = setting.by_default or f"`{setting.default}`"
            yield f"| `{setting.name}` | {setting.says} | {setting.kind.must_be} | {default} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(document()))
