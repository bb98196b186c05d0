"""The power goes at any moment: every file is whole, and what was Live is there."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CUTS = int(os.environ.get("TEST_CUTS") or 30) // 2
NAMESPACES = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]


def missing() -> str:
    """What this machine lacks to cut the power of a disk."""
    return ", ".join(_find_missing())


def _find_missing() -> Iterator[str]:
    if os.geteuid():
        yield "root"
    yield from (path for path in ("/dev/fuse", "/dev/loop-control") if not os.path.exists(path))
    yield from (name for name in ("mkfs.ext4", "mkfs.xfs", "unshare") if not shutil.which(name))
    if not (ctypes.util.find_library("fuse3") or ctypes.util.find_library("fuse")):
        yield "libfuse"
    known = Path("/proc/filesystems").read_text()
    yield from (f"{name} in the kernel" for name in ("ext4", "xfs", "fuse") if name not in known)


@pytest.mark.root
@pytest.mark.skipif(bool(missing()), reason=f"lacks {missing()}")
@pytest.mark.parametrize("layout", ["ext4", "xfs"])
def test_whenever_the_power_goes_all_that_was_live_is_there(in_memory, chance, layout) -> None:
    script = [sys.executable, "-m", "tests.kit.power_cut", in_memory, layout]
    done = subprocess.run(
        [*NAMESPACES, *script, str(CUTS), str(chance.random())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stderr
