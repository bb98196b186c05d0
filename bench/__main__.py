"""``make bench``: sets the scene below a temporary directory, measures, and prints a table.

    python -m bench --sizes 1000,10000 --samples 9

As root on a host with qmail, its own qmail-newu compiles, in a private mount namespace where the
scene lies over /var/qmail; otherwise the panel does. The goals hold for 100,000 mailboxes.
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
OVERLAY = 'mount --bind "$1" /var/qmail && shift && exec "$@"'
IS_SET = "QMAILPANEL_BENCH"  # in the process that measures


def main() -> None:
    options = _parser().parse_args()
    if IS_SET in os.environ:
        from bench.run import run  # noqa: PLC0415 - the settings are read from here on

        run([int(size) for size in options.sizes.split(",")], options.samples)
        return
    scene = Path(tempfile.mkdtemp(prefix="qmailpanel-bench-", dir=options.directory))
    try:
        sys.exit(_measure_in(scene, embedded=options.embedded))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(scene)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="measure the panel")
    parser.add_argument("--sizes", default=os.environ.get("BENCH_SIZES") or SIZES)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--embedded", action="store_true", help="without the host's qmail-newu")
    parser.add_argument("--directory", help="where the scene is set (the temporary directory)")
    return parser


def _measure_in(scene: Path, *, embedded: bool) -> int:
    """The measuring process: its settings, and where it can be had qmail's own qmail-newu."""
    home = scene / "qmail"
    home.mkdir(mode=0o755)
    command = [sys.executable, "-m", "bench", *sys.argv[1:]]
    scene.chmod(0o755)
    if not embedded and _has_qmail():
        shutil.copytree(QMAIL / "bin", home / "bin")
        command = ["unshare", "-m", "sh", "-c", OVERLAY, "sh", str(home), *command]
        home = QMAIL
    return subprocess.run(command, env=_environment(scene, home), check=False).returncode


def _has_qmail() -> bool:
    """Whether qmail-newu can be run on a home of ours: by root, in a mount namespace."""
    if not os.access(QMAIL / "bin/qmail-newu", os.X_OK) or os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def _environment(scene: Path, home: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    return kept | {
        IS_SET: "yes",
        "DJANGO_SETTINGS_MODULE": "qmailpanel.settings",
        "DATABASE_URL": "",
        "EMAIL_URL": "memorymail://",
        "QMAILPANEL_STATE_DIR": str(scene / "state"),
        "QMAILPANEL_QMAIL_HOME": str(home),
        "QMAILPANEL_HUP": "none",
    }


main()
