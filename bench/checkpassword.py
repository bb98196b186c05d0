"""How soon the checkpassword helper lets in, beside a bare start and one check of a hash."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.table import Row
from qmailpanel.qmail.formats.logins import LoginFormat, Logins
from qmailpanel.qmail.layout.logins import render_login
from qmailpanel.qmail.layout.rows import LoginRow
from qmailpanel.qmail.names import LocalPart, MailUser
from qmailpanel.qmail.secrets.passwords import hash_password, verify_password

HELPER = Path(__file__).parent.parent / "deploy/bin/qmailpanel-checkpassword"
RATIO = 2
PASSWORD = "right horse"


def measure_helper(size: int, samples: int) -> list[Row]:
    """A refused password: all that there is to do but to become the mail user."""
    stored = hash_password(PASSWORD)
    with tempfile.TemporaryDirectory() as place:
        _write(Path(place), stored, size)
        command = [sys.executable, "-IS", str(HELPER), "--logins", place, "true"]
        helper = median(_time(command, b"box1@a.test\0wrong\0t\0") for _ in range(samples))
    bare = median(_time([sys.executable, "-IS", "-c", ""], b"") for _ in range(samples))
    floor = bare + median(_time_check(stored) for _ in range(samples))
    return [Row("checkpassword", size, helper, floor, RATIO)]


def _write(place: Path, stored: str, size: int) -> None:
    user, row = MailUser("popuser", 110, 31), LoginRow(stored)
    homes = {
        str(n): render_login(row, LocalPart(f"box{n}"), f"/mail/{n}", user) for n in range(size)
    }
    files = Logins(("a.test",), homes).render("a.test")
    for path, content in files.items():
        if path.endswith(LoginFormat.MAP):
            (place / path).parent.mkdir(exist_ok=True)
            (place / path).write_bytes(content)


def _time_check(stored: str) -> float:
    start = time.perf_counter()
    verify_password("wrong", stored)
    return time.perf_counter() - start


def _time(command: list[str], content: bytes) -> float:
    start = time.perf_counter()
    redirected = ["/bin/sh", "-c", 'exec "$@" 3<&0', "sh", *command]
    subprocess.run(redirected, input=content, capture_output=True, check=False)
    return time.perf_counter() - start
