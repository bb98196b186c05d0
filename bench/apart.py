"""A scene of its own for each measured host, so that none finds what another one left.

As root that is a private mount namespace: on a fresh file system in a file (ext4 makes trees
several times slower where others were just deleted), and on a host with qmail over /var/qmail, so
that qmail's own programs compile. Else it is a directory, and the panel compiles.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.environment import environment_of

QMAIL = Path("/var/qmail")
SET_SCENE = """
mount -o loop "$1/disk" "$1/scene" 2>/dev/null || echo "no disk of its own: figures of trees vary"
mkdir -p "$1/scene/qmail"
if [ "$2" = /var/qmail ]; then
    cp -a /var/qmail/bin "$1/scene/qmail" && mount --bind "$1/scene/qmail" /var/qmail || exit 1
fi
shift 2
exec "$@"
"""
ROWS = "BENCH_ROWS"  # where the process that measures writes what it found


class Disk(NamedTuple):
    """Of a host; takes no more room than is written to it."""

    size: int  # bytes
    inodes: int
    options: Sequence[str] = ()


def run_apart(
    command: Sequence[str], directory: str | None, disk: Disk, *, database: str, qmail: bool
) -> str:
    """What the command wrote where ROWS says, how far it came.

    `qmail`: with the programs of the host's qmail, where there is one.
    """
    with _place(directory) as place:
        scene = place / "scene"
        home, prefix = scene / "qmail", list[str]()
        if _may_mount():
            if qmail and os.access(QMAIL / "bin/qmail-newu", os.X_OK):
                home = QMAIL
            _make_disk(place / "disk", disk)
            prefix = ["unshare", "-m", "sh", "-c", SET_SCENE, "sh", str(place), str(home)]
        rows = place / "rows"
        environment = environment_of(
            scene / "state",
            home,
            database,
            QMAILPANEL_HUP="none",
            QMAILPANEL_DOVECOT="off",  # whose second is no work of the panel
            **{ROWS: str(rows)},
        )
        rows.touch()
        subprocess.run([*prefix, *command], env=environment, check=False)
        return rows.read_text()


@contextmanager
def _place(directory: str | None) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-bench-", dir=directory))
    try:
        (place / "scene/qmail").mkdir(parents=True)
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place)


def _may_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def _make_disk(path: Path, disk: Disk) -> None:
    with path.open("wb") as file:
        file.truncate(disk.size)
    command = ["mkfs.ext4", "-q", "-F", "-N", str(disk.inodes), *disk.options, str(path)]
    subprocess.run(command, check=True)
