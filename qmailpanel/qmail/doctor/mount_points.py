"""File systems that are mounted below the mail root: the panel cannot move what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.names import gettext_noop

OF_DOMAIN = Trap(
    gettext_noop(
        "A file system is mounted here, so the panel can neither rename nor remove this "
        "directory; while it is not mounted, homes would be made, and mail delivered, below it."
    ),
    gettext_noop(
        "Mount one file system at the mail root; or chattr +i the empty directory while nothing "
        "is mounted. To rename: mount it at the new name too, unmount it here, and remove this."
    ),
    Severity.NOTE,
)
OF_HOME = Trap(
    gettext_noop(
        "A file system is mounted here, so the panel can neither rename, archive nor purge this."
    ),
    gettext_noop("Put a directory with a copy of its mail in its place, while nothing delivers."),
    Severity.NOTE,
)


def examine_mount_points(root: str, paths: Iterable[str]) -> Iterator[Finding]:
    """`paths`: relative to `root`, the mail root."""
    for path in paths:
        if not path.startswith("."):  # where the archive is matters to nobody
            yield (OF_HOME if "/" in path else OF_DOMAIN).at(f"{root}/{path}")
