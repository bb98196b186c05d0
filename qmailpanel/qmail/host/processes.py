"""The processes of this machine, and who runs them. See proc(5)."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")


def uid_of(name: str) -> int | None:
    """That of a user of this system."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def find_processes(
    names: Collection[bytes], users: Iterable[int | None], proc: Path = PROC
) -> Iterator[Path]:
    """Those called so that root, we ourselves or one of these runs. Anybody may call theirs so."""
    trusted = {0, os.geteuid(), *users}
    for process in proc.iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile, or not ours to see
            is_called = process.name.isdigit() and (process / "comm").read_bytes()[:-1] in names
            if is_called and _is_run_by(trusted, process):
                yield process


def _is_run_by(trusted: Collection[int | None], process: Path) -> bool:
    """As each of its users: a setuid program still has the one who started it."""
    users = re.search(rb"^Uid:(.+)$", (process / "status").read_bytes(), re.MULTILINE)
    return users is not None and all(int(uid) in trusted for uid in users[1].split())


def find_arguments(name: str, proc: Path = PROC) -> Iterator[list[bytes]]:
    """What each of root's processes that is called so was started with."""
    for process in find_processes([name.encode()], (), proc):
        with contextlib.suppress(OSError):
            yield (process / "cmdline").read_bytes().split(b"\0")[:-1]
