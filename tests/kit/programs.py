"""A qmail-send and a qmail-newu that do as a test says."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A script's process is called as its file is: these are a qmail-send for all that /proc says. They
# start no other process, which would be called qmail-send too until it is another program.

READS = "trap 'read -r line < ../control/virtualdomains' HUP"
STARTS_SLOWLY = f"n=0; while [ $n -lt 300000 ]; do n=$((n + 1)); done; {READS}"
STARTS_NEVER = ":"
IS_DEAF = "trap : HUP"


LOCKS = """#!/usr/bin/python3
import fcntl, signal, sys
told = lambda *_: open("../control/virtualdomains").read()
signal.signal(signal.SIGHUP, told)
queue = open("lock/sendmutex", "r+")
fcntl.flock(queue, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


def running(
    home: Path, script: str, **options
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A qmail-send of this home, which does as the script says."""
    return _running(home, f"#!/bin/sh\necho\n{script}\nwhile :; do read -r line; done\n", options)


def running_with_lock(
    home: Path, **options
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A qmail-send of this home that holds its queue, as the real one does."""
    return _running(home, LOCKS, options)


def make_lock(home: Path, uid: int) -> None:
    """The lock of the queue, which belongs to whoever qmail-send runs as."""
    lock = home / "queue/lock/sendmutex"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    lock.chmod(0o600)
    os.chown(lock, uid, -1)


@contextlib.contextmanager
def _running(home: Path, text: str, options: Any) -> Iterator[subprocess.Popen[bytes]]:
    program = home / "bin/qmail-send"
    program.write_text(text)
    program.chmod(0o755)
    make_lock(home, options.get("user", -1))
    pipe = subprocess.PIPE
    send = subprocess.Popen([program], cwd=home / "queue", stdin=pipe, stdout=pipe, **options)
    try:
        assert send.stdout
        send.stdout.readline()
        yield send
    finally:
        send.kill()
        send.communicate()


def make_newu(home: Path, script: str) -> None:
    """A qmail-newu of this home, which does as the script says."""
    newu = home / "bin/qmail-newu"
    newu.write_text(f"#!/bin/sh\n# {home}\0\n{script}\n")
    newu.chmod(0o700)
