"""What runs on the host: users/cdb made from users/assign, and a HUP for qmail-send."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.errors import HostError

COMPILER_SECONDS = 300
HUP_SECONDS = 5.0
DELIVERY_SECONDS = 1.0  # from qmail-lspawn's look into the map to qmail-local's at the file
_STAYS = "the one before stays in use. It is tried again."
NOT_COMPILED = {
    Shared.ASSIGN: f"The mail server's address map could not be rebuilt; {_STAYS}",
    Shared.MORE: f"The mail server's list of domains could not be rebuilt; {_STAYS}",
    Shared.VALID: f"The mail server's list of recipients could not be rebuilt; {_STAYS}",
    Shared.RECIPIENTS: f"The mail server's list of recipients could not be rebuilt; {_STAYS}",
}
NOT_TOLD = "The mail server has not taken the change yet. It is told again."
SERVICES = ("/service", "/etc/service", "/var/service", "/run/service", "/run/s6/services")


def is_home_compiled_in(program: Path, home: str) -> bool:
    """Whether a program of qmail works on this very home: theirs is compiled in."""
    try:
        path = rb"(?<![\w./-])%s\0" % re.escape(home.encode())
        return re.search(path, program.read_bytes()) is not None
    except OSError:
        return False


def compile_map(home: str, shared: Shared) -> None:
    """Make the map of a shared file. Raises HostError."""
    its = MAPS[shared]
    path = f"{home}/{its.path}"
    program = Path(home, "bin", its.program)
    before = _inode(path)
    try:
        with contextlib.suppress(OSError):  # whatever is in the way, who needs the place will say
            os.unlink(_temporary(path))  # a left-over takes the room the new one needs
        if its.program and is_home_compiled_in(program, home):
            _run_compiler(program)
        else:
            _write_map(home, shared, path)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise HostError(NOT_COMPILED[shared], f"{its.path}: {error}") from error
    if _inode(path) == before:
        cause = f"{its.program} ended well, but {its.path} is still the old one"
        raise HostError(NOT_COMPILED[shared], cause)


def _inode(path: str) -> int:
    """The identity of a map; 0 where there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _temporary(path: str) -> str:
    """What qmail's programs call it too: `users/cdb.tmp`, `control/morercpthosts.tmp`."""
    return f"{path.removesuffix('.cdb')}.tmp"


def _run_compiler(program: Path) -> None:
    """It has no protection against a second one; our lock is it. See qmail-newu(8)."""
    done = subprocess.run(
        [program], capture_output=True, timeout=COMPILER_SECONDS, cwd="/", env={}, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").strip()
        raise OSError(f"{program.name}: {said or f'exit {done.returncode}'}")


def _write_map(home: str, shared: Shared, path: str) -> None:
    """The same bytes as the program's, where there is none."""
    content = Path(home, shared).read_bytes()
    temporary = _temporary(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o644), "w+b") as file:
        os.fchmod(file.fileno(), 0o644)
        MAPS[shared].compile(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Hup:
    """How qmail-send is told to read virtualdomains again: auto, none, or a command."""

    def __init__(self, home: str, how: str) -> None:
        self.home = home
        self.how = how

    def let_deliveries_end(self) -> None:
        """Nothing to wait for where no qmail delivers."""
        if self.how != "none":
            time.sleep(DELIVERY_SECONDS)

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

    def _tell(self, send: Callable[[], None]) -> None:
        path = f"{self.home}/control/virtualdomains"
        before = self._rewind_atime(path)
        send()
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

    def _command(self) -> None:
        _run(shlex.split(self.how))

    def _find(self) -> Callable[[], None] | None:
        """The qmail-send of this home, whoever supervises it; None where none runs."""
        pids = list(find_senders(self.home))
        return partial(_hang_up, pids) if pids else None


def _wait(is_true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + HUP_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.01)


def _hang_up(pids: Iterable[int]) -> None:
    for pid in pids:
        _wait(partial(_catches_hup, pid), "qmail-send does not come up")
        try:
            os.kill(pid, signal.SIGHUP)
        except PermissionError:
            if not _ask_supervisor():
                raise


def _ask_supervisor() -> bool:
    """Whether one was there: daemontools, runit and s6 all take the byte `h` for HUP."""
    for directory in SERVICES:
        for name in ("qmail-send", "qmail"):
            with contextlib.suppress(OSError):
                _write_control(Path(directory, name, "supervise/control"))
                return True
    return False


def _run(command: Sequence[str]) -> None:
    """Raises OSError with what the command said when it failed."""
    done = subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").strip()
        raise OSError(f"{shlex.join(command)}: {said or f'exit {done.returncode}'}")


def find_senders(home: str) -> Iterator[int]:
    """The processes called qmail-send that work in this home, or that we may not look at.

    Not told by the path of their program: it is the same in every container of this machine, and
    another one after an upgrade.
    """
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            is_send = entry.name.isdigit() and (entry / "comm").read_bytes() == b"qmail-send\n"
            if is_send and _works_in(home, entry):
                yield int(entry.name)


def _works_in(home: str, process: Path) -> bool:
    """It reads the control files in its home, and serves in its queue from then on."""
    try:
        found = os.stat(process / "cwd")
    except PermissionError:
        return True
    places = [place for place in (Path(home), Path(home, "queue")) if place.exists()]
    return any(os.path.samestat(found, place.stat()) for place in places)


def _catches_hup(pid: int) -> bool:
    """Whether HUP is heard: it would end a qmail-send that just starts. See proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) & 1 << signal.SIGHUP - 1)


def _write_control(control: Path) -> None:
    """Raises OSError where no supervisor reads it."""
    fd = os.open(control, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(fd, b"h")
    finally:
        os.close(fd)
