"""The web server and the sync service as two children of one command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 10.0  # seconds that the children have to be ready, and to end by themselves


class Stopped(BaseException):
    """Somebody asked to end. Nothing on the way up may take it for an error."""


def stop_on_signal() -> None:
    """From now on Ctrl-C, TERM and HUP raise Stopped, once."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in SIGNALS:
        signal.signal(each, stop)


def is_port_taken(host: str, port: int) -> bool:
    """Whether somebody listens there, or we may not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def is_answering(host: str, port: int) -> bool:
    """Whether somebody takes calls there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


class Children:
    """Programs that live and end together."""

    def __init__(self, programs: Mapping[str, Sequence[str]]) -> None:
        # in sessions of their own, so that Ctrl-C reaches this process alone
        self._running = {
            name: subprocess.Popen([sys.executable, *program], start_new_session=True)
            for name, program in programs.items()
        }

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Until then, or until a child has ended, but not for ever."""
        deadline = time.monotonic() + PATIENCE
        while self._ended() is None and not is_so() and time.monotonic() < deadline:
            time.sleep(0.05)

    def wait(self) -> tuple[str, int]:
        """Until one of them has ended: which, and with what exit code."""
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        while (name := self._ended()) is None:
            time.sleep(0.05)
        return name, self._running[name].returncode

    def end(self) -> None:
        """All of them and their own children, gently at first."""
        for child in self._running.values():
            child.terminate()
        deadline = time.monotonic() + PATIENCE
        for child in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # whoever is left of its session
            child.wait()

    def _ended(self) -> str | None:
        ended = (name for name, child in self._running.items() if child.poll() is not None)
        return next(ended, None)
