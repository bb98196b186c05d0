"""A full disk: what was is kept, the message names the file, and room is all it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.mounts import may_mount

ROOT = Path(__file__).parents[2]


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("users", ["users/assign", "users/cdb"]),
        ("control", ["control/virtualdomains", "control/rcpthosts"]),
        ("memory", ["applied.sqlite3"]),
        ("mailnames", ["pandle.net/box", "pandle.net/.qmail-info"]),
        ("homes", ["pandle.net/box", "pandle.net/.qmail-info"]),
    ],
)
def test_whatever_room_is_left_nothing_is_lost_and_the_message_names_the_file(
    tmp_path, where, named
) -> None:
    script = [sys.executable, "-m", "tests.kit.full_disk", tmp_path, where]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", *script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *failures, last = done.stdout.split("\n")[:-1]
    assert last == ""
    assert all(any(name in said for name in named) for said in failures), failures
    for name in named:
        assert any(name in said for said in failures), (name, failures)
    assert all("No space left" in said or "disk is full" in said for said in failures), failures
