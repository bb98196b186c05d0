"""File systems that a test mounts, where it may."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def may_mount() -> bool:
    if os.geteuid():
        return False
    command = ["unshare", "--mount", "true"]
    return not subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def mounted(path: Path) -> Iterator[Path]:
    """A file system of its own at this directory, which is made."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        unmount(path)


def bind(path: Path, to: Path) -> None:
    """The same file system at another directory too."""
    to.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", path, to], check=True)


def unmount(path: Path) -> None:
    """Whatever is mounted there, if it is."""
    while path.is_mount():
        subprocess.run(["umount", "--lazy", path], check=True)
