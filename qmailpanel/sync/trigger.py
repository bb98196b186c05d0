"""How the service is woken, and what it tells its supervisor."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
from pathlib import Path

from qmailpanel.qmail.host.errors import HostError


class Trigger:
    """The fifo that `pull()` writes a byte into."""

    def __init__(self, path: Path) -> None:
        self._make(path)
        # open for writing too: a fifo without writers would report its end for ever
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

    @staticmethod
    def _make(path: Path) -> None:
        try:
            if not stat.S_ISFIFO(path.lstat().st_mode):
                raise HostError(
                    "The trigger is not a fifo.", f"{path} is something else; remove it"
                )
        except FileNotFoundError:
            os.mkfifo(path)
            path.chmod(0o660)  # whatever the umask: the web process writes it

    def wait(self, seconds: float) -> None:
        """Until somebody pulls, or that long."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        with contextlib.suppress(BlockingIOError):  # another service on this fifo was quicker
            if ready:
                os.read(self._fd, 65_536)

    def close(self) -> None:
        os.close(self._fd)


def notify(message: str) -> None:
    """Tell the supervisor, if one asked to be told. See sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.sendto(message.encode(), address)
