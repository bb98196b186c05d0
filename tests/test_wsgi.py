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


def test_no_thread_keeps_the_memory_of_the_hashes_it_made(tmp_path):
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    done = subprocess.run(
        [sys.executable, "-c", HASH_IN_EIGHT_THREADS],
        cwd=ROOT,
        env=kept | {"QMAILPANEL_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 40  # megabytes; with glibc's own way 19 for each thread
