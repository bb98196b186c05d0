"""A HUP for the qmail-send of this home, whoever supervises it, and the proof that it was heard."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.host.files import open_at
from qmailpanel.qmail.host.mail_in_hand import let_it_be_done
from qmailpanel.qmail.host.processes import find_processes, uid_of

HUP_SECONDS = 5.0
DELIVERY_SECONDS = 1.0  # from qmail-lspawn's look into the map to qmail-local's at the file
SLOW_SECONDS = 4.0  # more, where what was forwarded before is not delivered by then
NOT_TOLD = "The mail server has not taken the change yet. It is told again."
LOCK = "queue/lock/sendmutex"  # of the user that qmail-send runs as
SERVICES = ("/service", "/etc/service", "/var/service", "/run/service", "/run/s6/services")


class Hup:
    """How qmail-send is told to read virtualdomains again: auto, none, or a command."""

    def __init__(self, home: str, how: str) -> None:
        self.home = home
        self.how = how

    def let_deliveries_end(self) -> None:
        """Nothing to wait for where no qmail delivers."""
        if self.how != "none":
            time.sleep(DELIVERY_SECONDS)
            let_it_be_done(self.home, SLOW_SECONDS)

    def tell(self) -> None:
        """Send HUP and see that the file was read. Raises HostError when it was not.

        Nothing to do with `none`, and with `auto` where no qmail-send of this home runs: it reads
        the file when it starts.
        """
        if self.how == "none":
            return
        try:
            send = self._find() if self.how == "auto" else self._command
            if send is not None:
                self._tell(send)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise HostError(NOT_TOLD, f"HUP: {error}") from error

    def _tell(self, send: Callable[[], bool]) -> None:
        path = f"{self.home}/control/virtualdomains"
        before = self._rewind_atime(path)
        if not send():
            return
        if before is None or os.statvfs(path).f_flag & os.ST_NOATIME:
            time.sleep(1)  # nothing would show that it was read
            return
        _wait(
            lambda: os.stat(path).st_atime_ns != before,
            "qmail-send did not read control/virtualdomains",
        )

    @staticmethod
    def _rewind_atime(path: str) -> int | None:
        """Set the access time before the content's, so that any read moves it (relatime)."""
        try:
            written = os.stat(path).st_mtime_ns
            os.utime(path, ns=(written - 1_000_000_000, written))
            return os.stat(path).st_atime_ns
        except FileNotFoundError:
            return None

    def _command(self) -> bool:
        _run(shlex.split(self.how))
        return True

    def _find(self) -> Callable[[], bool] | None:
        """The qmail-send of this home, whoever supervises it; None where none runs."""
        pids = list(find_senders(self.home))
        return partial(_hang_up, self.home, pids) if pids else None


def _wait(is_true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + HUP_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.01)


def _hang_up(home: str, pids: Sequence[int]) -> bool:
    """Whether one was told. Raises PermissionError where those that run cannot be."""
    answers = [_tell_process(home, pid) for pid in pids]
    if False in answers and True not in answers:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return True in answers


def _tell_process(home: str, pid: int) -> bool | None:
    """None where it ended meanwhile: it reads the file when it starts again."""
    try:
        _wait(partial(_catches_hup, pid), "qmail-send does not come up")
        os.kill(pid, signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        return _ask_supervisor(home, pid)
    return True


def _ask_supervisor(home: str, pid: int) -> bool:
    """Whether the one of this very process was there. All of them take the byte `h` for HUP.

    Another home of this machine may have a service of the same name.
    """
    for directory in SERVICES:
        for name in ("qmail-send", "qmail"):
            service = Path(directory, name)
            with contextlib.suppress(OSError):
                if _supervised_pid(service) == pid and _is_of(home, pid, service):
                    _write_control(service / "supervise/control")
                    return True
    return False


def _supervised_pid(service: Path) -> int:
    """As its status says: 18 bytes of daemontools, 20 of runit, more of s6."""
    status = (service / "supervise/status").read_bytes()
    if len(status) > 20:
        return int.from_bytes(status[24:32], "big")
    return int.from_bytes(status[12:16], "little")


def _is_of(home: str, pid: int, service: Path) -> bool:
    """Whether a qmail-send is that of this home; if nothing else does, its run script tells."""
    is_here = _works_in(home, Path(f"/proc/{pid}"))
    return _runs_home(service / "run", home) if is_here is None else is_here


def _runs_home(script: Path, home: str) -> bool:
    """Whether it names the programs of this home: `exec /var/qmail/rc`, `PATH=/var/qmail/bin:…`."""
    path = rb"(?<![\w./-])%s/(bin(/qmail-\w+)?|rc)(?![\w./-])" % re.escape(home.encode())
    return re.search(path, script.read_bytes()) is not None


def _run(command: Sequence[str]) -> None:
    """Raises OSError with what the command said when it failed."""
    done = subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").strip()
        raise OSError(f"{shlex.join(command)}: {said or f'exit {done.returncode}'}")


def find_senders(home: str) -> Iterator[int]:
    """The processes called qmail-send that work in this home, or of which nothing tells.

    Not told by the path of their program: it is the same in every container of this machine, and
    another one after an upgrade. What a stranger calls so is none.
    """
    users = (_find_owner(f"{home}/{LOCK}"), uid_of("qmails"))
    for process in find_processes([b"qmail-send"], users):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            if _works_in(home, process) is not False:
                yield int(process.name)


def _find_owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def _works_in(home: str, process: Path) -> bool | None:
    """It reads the control files in its home, and serves in its queue. None: nothing tells."""
    try:
        directory = os.stat(process / "cwd")
    except PermissionError:
        holder = _find_lock_holder(home)
        return None if holder is None else holder == int(process.name)
    homes = [path for path in (Path(home), Path(home, "queue")) if path.exists()]
    return any(os.path.samestat(directory, path.stat()) for path in homes)


def _find_lock_holder(home: str) -> int | None:
    """The qmail-send of a home locks its queue. None where that is not seen. See proc(5)."""
    try:
        file = os.stat(f"{home}/{LOCK}")
        locks = Path("/proc/locks").read_text()
    except OSError:
        return None
    device = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}"
    held = re.search(rf"^\d+: \w+ +\w+ +\w+ (\d+) {device}:{file.st_ino} ", locks, re.MULTILINE)
    return int(held[1]) if held else None


def _catches_hup(pid: int) -> bool:
    """Whether HUP is heard: it would end a qmail-send that just starts. See proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) & 1 << signal.SIGHUP - 1)


def _write_control(control: Path) -> None:
    """Raises OSError where no supervisor reads it."""
    fd = open_at(str(control), os.O_WRONLY)
    try:
        os.write(fd, b"h")
    finally:
        os.close(fd)
