"""File systems of the mail root: those below it cannot be moved, and each may be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from qmailpanel.qmail.doctor.finding import Finding, Severity, Trap
from qmailpanel.qmail.formats import fstab
from qmailpanel.qmail.names import gettext_noop

OF_DOMAIN = Trap(
    gettext_noop(
        "A file system is mounted here, so the panel can neither rename nor remove this "
        "directory; while it is not mounted, mail for its aliases and unknown recipients bounces."
    ),
    gettext_noop(
        "Mount one file system at the mail root; or chmod +t the empty directory while nothing is "
        "mounted, so that mail waits. To rename: mount it at the new name too, unmount it here, "
        "and remove this."
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

NOT_MOUNTED = Trap(
    gettext_noop(
        "No file system is mounted at %(path)s, so its mail is not there: what comes waits, or "
        "bounces, and the panel makes no home there that was on it."
    ),
    gettext_noop("Mount %(path)s. If its mail is elsewhere for good, take this line out."),
    Severity.ALARM,
)


def examine_fstab(
    file: str, content: bytes, root: str, is_mounted: Callable[[str], bool]
) -> Iterator[Finding]:
    """What it has of `root`, the mail root, and is not mounted."""
    for number, path in fstab.parse(content):
        is_above, is_below = _is_at(root, path), _is_at(path, root)
        if (is_above or is_below) and path != "/" and not is_mounted(path):
            yield NOT_MOUNTED.at(file, number, path=path)


def _is_at(path: str, above: str) -> bool:
    return f"{path}/".startswith(f"{above}/")


def examine_mount_points(root: str, paths: Iterable[str]) -> Iterator[Finding]:
    """`paths`: relative to `root`, the mail root."""
    for path in paths:
        if not path.startswith("."):  # where the archive is matters to nobody
            yield (OF_HOME if "/" in path else OF_DOMAIN).at(f"{root}/{path}")
