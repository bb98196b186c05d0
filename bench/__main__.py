"""``make bench``: sets the scene, measures, and prints a table.

    python -m bench --sizes 1000,10000 --samples 9
    python -m bench --assignments 0 --domains 0     # without the large host
    python -m bench --database postgres://panel@/panel

As root it works in a private mount namespace: on a fresh file system in a file (ext4 makes trees
several times slower where others were just deleted), and on a host with qmail over /var/qmail, so
that qmail's own programs compile. Else it works in a directory, and the panel compiles. The
goals hold for 100,000 mailboxes; then aliases make it a million assignments, and empty domains
20,000 domains.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = "1000,10000,100000"
QMAIL = Path("/var/qmail")
DISK_BYTES = 16 << 30  # sparse
DISK_INODES = 2_000_000
SET_SCENE = """
mount -o loop "$1/disk" "$1/scene" 2>/dev/null || echo "no disk of its own: figures of trees vary"
mkdir -p "$1/scene/qmail"
if [ "$2" = /var/qmail ]; then
    cp -a /var/qmail/bin "$1/scene/qmail" && mount --bind "$1/scene/qmail" /var/qmail || exit 1
fi
shift 2
exec "$@"
"""
IS_SET = "BENCH_IS_SET"  # in the process that measures


def main() -> None:
    options = _parser().parse_args()
    if IS_SET in os.environ:
        from bench.run import run  # noqa: PLC0415 - the settings are read from here on

        sizes = [int(size) for size in options.sizes.split(",")]
        run(sizes, options.samples, options.assignments, options.domains)
        return
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-bench-", dir=options.directory))
    try:
        sys.exit(_measure_in(place, options))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(place)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="measure the panel")
    parser.add_argument("--sizes", default=os.environ.get("BENCH_SIZES") or SIZES)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--assignments", type=int, default=1_000_000, help="0: not measured")
    parser.add_argument("--domains", type=int, default=20_000, help="0: not measured")
    parser.add_argument("--embedded", action="store_true", help="without the host's qmail-newu")
    parser.add_argument("--database", default="", help="the URL of an empty one (SQLite)")
    parser.add_argument("--directory", help="where the scene is set (the temporary directory)")
    return parser


def _measure_in(place: Path, options: argparse.Namespace) -> int:
    """Run the measuring process in its scene."""
    scene = place / "scene"
    (scene / "qmail").mkdir(parents=True)
    place.chmod(0o755)
    home, command = scene / "qmail", [sys.executable, "-m", "bench", *sys.argv[1:]]
    if _may_mount():
        if not options.embedded and os.access(QMAIL / "bin/qmail-newu", os.X_OK):
            home = QMAIL
        _make_disk(place / "disk")
        private = ["unshare", "-m", "sh", "-c", SET_SCENE, "sh", str(place), str(home)]
        command = [*private, *command]
    environment = _environment(scene, home, options.database)
    return subprocess.run(command, env=environment, check=False).returncode


def _may_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def _make_disk(disk: Path) -> None:
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-N", str(DISK_INODES), disk], check=True)


def _environment(scene: Path, home: Path, database: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    return kept | {
        IS_SET: "yes",
        "DJANGO_SETTINGS_MODULE": "qmailpanel.settings",
        "DATABASE_URL": database,
        "EMAIL_URL": "memorymail://",
        "QMAILPANEL_STATE_DIR": str(scene / "state"),
        "QMAILPANEL_QMAIL_HOME": str(home),
        "QMAILPANEL_HUP": "none",
        "QMAILPANEL_DOVECOT": "off",  # whose second is no work of the panel
    }


main()
