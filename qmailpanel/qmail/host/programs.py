"""What runs on the host: users/cdb made from users/assign, and a HUP for qmail-send."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from qmailpanel.qmail import cdb
from qmailpanel.qmail.host.errors import HostError

NEWU_SECONDS = 300
HUP_SECONDS = 5.0
NOT_COMPILED = (
    "The mail server's address map could not be rebuilt; the one before stays in use. "
    "It is tried again."
)
NOT_TOLD = "The mail server has not taken the change yet. It is told again."
_SERVICES = ("/service", "/etc/service", "/var/service", "/run/service", "/run/s6/services")
_UNITS = ("qmail-send.service", "qmail.service", "notqmail.service")


def is_home_compiled_in(program: Path, home: str) -> bool:
    """Whether a program of qmail works on this very home: theirs is compiled in."""
    try:
        return home.encode() + b"\0" in program.read_bytes()
    except OSError:
        return False


def compile_assign(home: str) -> None:
    """Make users/cdb of users/assign. Raises HostError."""
    newu = Path(home, "bin/qmail-newu")
    before = _inode(home)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{home}/users/cdb.tmp")  # a left-over takes the room the new one needs
        if is_home_compiled_in(newu, home):
            _run_newu(newu)
        else:
            _write_cdb(home)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise HostError(NOT_COMPILED, f"users/cdb: {error}") from error
    if _inode(home) == before:
        raise HostError(NOT_COMPILED, "qmail-newu ended well, but users/cdb is still the old one")


def _inode(home: str) -> int:
    """The identity of users/cdb; 0 where there is none."""
    try:
        return os.stat(f"{home}/users/cdb").st_ino
    except OSError:
        return 0


def _run_newu(newu: Path) -> None:
    """See qmail-newu(8); it has no protection against a second one, our lock is it."""
    done = subprocess.run(
        [newu], capture_output=True, timeout=NEWU_SECONDS, cwd="/", env={}, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").strip()
        raise OSError(f"qmail-newu: {said or f'exit {done.returncode}'}")


def _write_cdb(home: str) -> None:
    """The same bytes as qmail-newu's, where there is no qmail-newu."""
    content = Path(home, "users/assign").read_bytes()
    temporary = f"{home}/users/cdb.tmp"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o644), "w+b") as file:
        os.fchmod(file.fileno(), 0o644)
        cdb.compile_assign(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, f"{home}/users/cdb")
    directory = os.open(f"{home}/users", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Hup:
    """How qmail-send is told to read virtualdomains again: auto, none, or a command."""

    def __init__(self, home: str, how: str) -> None:
        self.home = home
        self.how = how

    def tell(self) -> None:
        """Send HUP and see that the file was read. Raises HostError when it was not.

        Nothing to do with `none`, and with `auto` where no qmail-send of this home runs: it reads
        the file when it starts.
        """
        if self.how == "none":
            return
        send = self._find() if self.how == "auto" else self._command
        if send is None:
            return
        path = f"{self.home}/control/virtualdomains"
        before = self._rewind_atime(path)
        try:
            send()
        except (OSError, subprocess.SubprocessError) as error:
            raise HostError(NOT_TOLD, f"HUP: {error}") from error
        self._prove(path, before)

    @staticmethod
    def _rewind_atime(path: str) -> int:
        """Set the access time before the content's, so that any read moves it (relatime)."""
        try:
            written = os.stat(path).st_mtime_ns
            os.utime(path, ns=(written - 1_000_000_000, written))
            return os.stat(path).st_atime_ns
        except FileNotFoundError:
            return 0

    def _prove(self, path: str, before: int) -> None:
        """The access time moves when qmail-send reads; where it cannot, wait a second."""
        try:
            if os.statvfs(path).f_flag & os.ST_NOATIME:
                time.sleep(1)
                return
            deadline = time.monotonic() + HUP_SECONDS
            while time.monotonic() < deadline:
                if os.stat(path).st_atime_ns != before:
                    return
                time.sleep(0.01)
        except FileNotFoundError:
            time.sleep(1)
            return
        raise HostError(NOT_TOLD, "qmail-send did not read control/virtualdomains after HUP")

    def _command(self) -> None:
        subprocess.run(shlex.split(self.how), check=True, timeout=30, capture_output=True)

    def _find(self) -> Callable[[], None] | None:
        """The qmail-send of this home: as a process we see, else through its supervisor."""
        for pid in _processes(f"{self.home}/bin/qmail-send"):
            return lambda: os.kill(pid, signal.SIGHUP)
        for control in _supervised():
            return lambda: _write_control(control)
        unit = _active_unit()
        if unit:
            command = ["systemctl", "kill", "--signal=HUP", "--kill-whom=main", unit]
            return lambda: _run(command)
        return None


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=30, capture_output=True)


def _processes(program: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(entry / "exe") == os.path.realpath(program):
                    yield int(entry.name)


def _supervised() -> Iterator[Path]:
    """Control fifos of daemontools, runit and s6 alike: the byte `h` sends HUP."""
    for directory in _SERVICES:
        for name in ("qmail-send", "qmail"):
            control = Path(directory, name, "supervise/control")
            if control.is_fifo():
                yield control


def _write_control(control: Path) -> None:
    fd = os.open(control, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(fd, b"h")
    finally:
        os.close(fd)


def _active_unit() -> str:
    if not os.path.isdir("/run/systemd/system"):
        return ""
    for unit in _UNITS:
        asked = subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False)
        if asked.returncode == 0:
            return unit
    return ""
