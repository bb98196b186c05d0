"""The web process as it serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HASH_IN_EIGHT_THREADS = """
import re
from pathlib import Path
from threading import Barrier, Thread
import qmailpanel.wsgi
from qmailpanel.qmail.secrets.passwords import hash_password

def resident():
    return int(re.search(r"VmRSS:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024

def work():
    for _ in range(3):
        hash_password("seven lanterns")
    hashed.wait()
    measured.wait()

hashed, measured = Barrier(9), Barrier(9)
hash_password("once")
before = resident()
for _ in range(8):
    Thread(target=work).start()
hashed.wait()
print(resident() - before)
measured.wait()
"""


def run(script, place):
    """What a program prints that begins with an empty state directory."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=kept | {"QMAILPANEL_STATE_DIR": str(place / "state")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_no_thread_keeps_the_memory_of_the_hashes_it_made(tmp_path):
    kept = float(run(HASH_IN_EIGHT_THREADS, tmp_path))
    assert kept < 40  # megabytes; with glibc's own way 19 for each thread


def test_the_collector_looks_seldom_and_not_through_what_was_loaded(tmp_path):
    looked = "import gc, qmailpanel.wsgi; print(gc.get_freeze_count(), gc.get_threshold()[0])"
    loaded, made = run(looked, tmp_path).split()
    assert int(loaded) > 50_000
    assert int(made) > 5_000
