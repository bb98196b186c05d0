"""Which file systems shall be mounted where. See fstab(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qmailpanel.qmail.formats.control import split_lines

_ESCAPED = re.compile(rb"\\([0-7]{3})")
_LEFT_OUT = {b"noauto", b"bind", b"rbind"}  # not mounted at the start, or none of its own


def parse(content: bytes) -> Iterator[tuple[int, str]]:
    """The paths where a file system of its own is mounted when the host starts, by line number."""
    for number, line in enumerate(split_lines(content), start=1):
        fields = line.split()
        is_entry = len(fields) > 3 and not line.startswith(b"#")
        if is_entry and _LEFT_OUT.isdisjoint(fields[3].split(b",")):
            yield number, unescape(fields[1])


def unescape(path: bytes) -> str:
    """Blanks stand there as `\\040`; so they do in proc_pid_mountinfo(5)."""
    return _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), path).decode(
        "utf-8", "surrogateescape"
    )
