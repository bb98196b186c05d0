"""File systems below the mail root. See proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
from functools import partial

from qmailpanel.qmail.formats import fstab
from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.host.files import opened

FSTAB = "/etc/fstab"
_MOUNTS = "/proc/self/mountinfo"


def find_mount_points(root: str) -> list[str]:
    """The paths below `root`, relative to it, where something is mounted."""
    try:
        with opened(_MOUNTS) as (fd, _):
            content = b"".join(iter(partial(os.read, fd, 1 << 16), b""))
    except FileNotFoundError:
        return []  # without /proc nobody can say
    above = f"{root.rstrip('/')}/"
    plain, escape = os.fsencode(above), b"\\"
    lines = [line for line in split_lines(content) if plain in line or escape in line]
    paths = [fstab.unescape(line.split(b" ")[4]) for line in lines]
    return sorted({path.removeprefix(above) for path in paths if path.startswith(above)})


def find_file_systems(root: str) -> list[str]:
    """The paths above `root`, at it and below where other file systems are than around them."""
    names = root.split("/")
    above = ["/".join(names[:end]) for end in range(2, len(names) + 1)]
    below = [f"{root}/{path}" for path in find_mount_points(root)]
    return [path for path in (*above, *below) if is_mounted(path)]


def is_mounted(path: str) -> bool:
    """Whether another file system is there than in the directory above.

    A supervisor that lets us write in few places binds each to itself, which is none.
    """
    try:
        return os.lstat(path).st_dev != os.lstat(os.path.dirname(path)).st_dev
    except OSError:  # of one that the network lost, too
        return False
