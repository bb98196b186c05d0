"""File systems below the mail root. See proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
import re
from functools import partial

from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.host.files import opened

_MOUNTS = "/proc/self/mountinfo"
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def find_mount_points(root: str) -> list[str]:
    """The paths below `root`, relative to it, where something is mounted."""
    try:
        with opened(_MOUNTS) as (fd, _):
            content = b"".join(iter(partial(os.read, fd, 1 << 16), b""))
    except FileNotFoundError:
        return []  # without /proc nobody can say
    paths = [_unescape(line.split(b" ")[4]) for line in split_lines(content)]
    above = f"{root.rstrip('/')}/"
    return sorted({path.removeprefix(above) for path in paths if path.startswith(above)})


def _unescape(path: bytes) -> str:
    return _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), path).decode(
        "utf-8", "surrogateescape"
    )
