"""A HUP that is proved, whoever supervises qmail-send, and that no other home gets."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmailpanel.qmail.host import hup
from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.host.hup import Hup
from tests.kit.programs import (
    IS_DEAF,
    READS,
    STARTS_NEVER,
    STARTS_SLOWLY,
    make_lock,
    running,
    running_with_lock,
)

is_root = os.geteuid() == 0
ROOT = Path(__file__).parents[3]
ASSIGN = b"=100-biliards:popuser:110:31:/var/qmail/mailnames/pandle.net/biliards:::\n.\n"


@pytest.fixture
def home(tmp_path) -> Path:
    return make_home(tmp_path / "qmail")


def make_home(home: Path) -> Path:
    for name in ("bin", "control", "queue", "users"):
        (home / name).mkdir(parents=True)
    (home / "control/virtualdomains").write_bytes(b"pandle.net:100\n")
    (home / "users/assign").write_bytes(ASSIGN)
    return home


def was_read(home: Path) -> bool:
    """Whether anybody read virtualdomains after it was told of."""
    found = (home / "control/virtualdomains").stat()
    return found.st_atime_ns >= found.st_mtime_ns


# auto


def test_a_qmail_send_of_this_home_is_told(home) -> None:
    with running(home, READS) as send:
        Hup(str(home), "auto").tell()
        assert was_read(home)
        assert send.poll() is None


def test_each_hup_is_proved_by_a_read_of_its_own(home, monkeypatch) -> None:
    monkeypatch.setattr(hup, "HUP_SECONDS", 0.3)
    ours = Hup(str(home), "auto")
    with running(home, READS):
        ours.tell()
        ours.tell()
    with running(home, IS_DEAF), pytest.raises(HostError) as caught:
        ours.tell()
    assert caught.value.cause == "HUP: qmail-send did not read control/virtualdomains"


def test_a_qmail_send_that_just_starts_is_not_ended_by_it(home) -> None:
    with running(home, STARTS_SLOWLY) as send:
        Hup(str(home), "auto").tell()
        assert was_read(home)
        assert send.poll() is None


def test_a_qmail_send_that_ends_before_it_is_told_is_not_waited_for(home, monkeypatch) -> None:
    utime = os.utime

    def utime_as_it_ends(path: str, *, ns: tuple[int, int]) -> None:
        utime(path, ns=ns)
        send.kill()
        send.wait()

    with running(home, READS) as send:
        monkeypatch.setattr(os, "utime", utime_as_it_ends)
        started = time.monotonic()
        Hup(str(home), "auto").tell()
        assert time.monotonic() - started < 2


def test_a_qmail_send_that_never_comes_up_is_said_and_left_alone(home, monkeypatch) -> None:
    monkeypatch.setattr(hup, "HUP_SECONDS", 0.1)
    with running(home, STARTS_NEVER) as send:
        with pytest.raises(HostError) as caught:
            Hup(str(home), "auto").tell()
        assert send.poll() is None
    assert caught.value.cause == "HUP: qmail-send does not come up"


def test_without_a_qmail_send_there_is_nobody_to_tell(home) -> None:
    Hup(str(home), "auto").tell()


def test_the_qmail_send_of_another_home_is_left_alone(home, tmp_path) -> None:
    other = make_home(tmp_path / "other")
    with running(other, STARTS_NEVER) as send:
        Hup(str(home), "auto").tell()
        assert send.poll() is None


def test_a_qmail_send_whose_program_was_replaced_is_still_told(home) -> None:
    with running(home, READS):
        (home / "bin/qmail-send").unlink()
        Hup(str(home), "auto").tell()
        assert was_read(home)


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
def test_what_a_stranger_calls_qmail_send_is_neither_waited_for_nor_told(open_home) -> None:
    with running(open_home, STARTS_NEVER, user=SOMEBODY) as theirs:
        make_lock(open_home, NOBODY)
        rewind(open_home)
        Hup(str(open_home), "auto").tell()
        assert theirs.poll() is None
    assert not was_read(open_home)


# who may not signal it asks its supervisor

NOBODY, SOMEBODY = 65534, 61110


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_home(tmp_path_factory) -> Iterator[Path]:
    """A home that anybody may enter, with a virtualdomains that nobody owns."""
    top = tmp_path_factory.mktemp("open")
    below = [path for path in (top, *top.parents) if path.owner() == "root" and is_closed(path)]
    for path in below:
        path.chmod(0o711)
    home = make_home(top / "qmail")
    os.chown(home / "control/virtualdomains", NOBODY, NOBODY)
    yield home
    for path in below:
        path.chmod(0o700)


def is_closed(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) == 0o700


STATUSES = {
    "daemontools": lambda pid: bytes(12) + pid.to_bytes(4, "little") + b"\0u",
    "runit": lambda pid: bytes(12) + pid.to_bytes(4, "little") + b"\0u\0\1",
    "s6": lambda pid: bytes(24) + pid.to_bytes(8, "big") + b"\0\0\4",
}


def make_service(directory: Path, home: Path, pid: int, supervisor: str = "daemontools") -> Path:
    """The directory of a service that runs this process, in the way of its supervisor."""
    control = directory / "supervise/control"
    control.parent.mkdir(parents=True)
    os.mkfifo(control)
    control.chmod(0o622)
    (directory / "supervise/status").write_bytes(STATUSES[supervisor](pid))
    (directory / "run").write_text(f'#!/bin/sh\nexec env - PATH="{home}/bin:$PATH" qmail-start\n')
    return control


@contextlib.contextmanager
def supervising(control: Path, pid: int) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor that does as it is told, once, and says what it was told."""
    script = 'exec 3<>"$1"; echo; head -c 1 <&3; kill -HUP "$2"'
    command = ["/bin/sh", "-c", script, "sh", str(control), str(pid)]
    supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert supervisor.stdout
        supervisor.stdout.readline()
        yield supervisor
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(supervisor.pid, signal.SIGKILL)
        supervisor.communicate()


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
@pytest.mark.parametrize("name", ["qmail-send", "qmail"])
@pytest.mark.parametrize("supervisor", STATUSES)
def test_a_supervisor_is_asked_with_the_byte_that_all_of_them_take(
    open_home, monkeypatch, name, supervisor
) -> None:
    services = [open_home / "left-over", open_home / "service"]
    monkeypatch.setattr(hup, "SERVICES", services)
    with running(open_home, READS, user=SOMEBODY) as send:
        make_service(services[0] / "qmail-send", open_home, send.pid)  # nobody reads it
        control = make_service(services[1] / name, open_home, send.pid, supervisor)
        with supervising(control, send.pid) as asked:
            with as_nobody():
                Hup(str(open_home), "auto").tell()
            assert asked.stdout
            assert asked.stdout.read() == b"h"
    assert was_read(open_home)


@pytest.fixture
def other_home(open_home: Path) -> Path:
    """Another home on this machine, within ours: its path begins with our path."""
    home = make_home(open_home / "bin" / "other")
    os.chown(home / "control/virtualdomains", NOBODY, NOBODY)
    return home


def is_told(supervisor: subprocess.Popen[bytes]) -> bool:
    assert supervisor.stdout
    return bool(select.select([supervisor.stdout], [], [], 0.2)[0])


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
def test_of_two_homes_only_the_supervisor_of_ours_is_asked(
    open_home, other_home, monkeypatch
) -> None:
    services = [open_home / "theirs", open_home / "ours"]
    monkeypatch.setattr(hup, "SERVICES", services)
    with (
        running(other_home, READS, user=SOMEBODY) as theirs,
        running(open_home, READS, user=SOMEBODY) as ours,
    ):
        first = make_service(services[0] / "qmail-send", other_home, theirs.pid)
        second = make_service(services[1] / "qmail-send", open_home, ours.pid)
        with supervising(first, theirs.pid) as other, supervising(second, ours.pid) as asked:
            with as_nobody():
                Hup(str(open_home), "auto").tell()
            assert is_told(asked)
            assert not is_told(other)
    assert was_read(open_home)


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
@pytest.mark.parametrize("runs", ["another home", "another process"])
def test_a_supervisor_of_something_else_is_not_asked_and_it_is_said(
    open_home, other_home, monkeypatch, runs
) -> None:
    monkeypatch.setattr(hup, "SERVICES", [open_home / "theirs"])
    with running(open_home, READS, user=SOMEBODY) as ours:
        pid, home = (ours.pid, other_home) if runs == "another home" else (os.getpid(), open_home)
        control = make_service(open_home / "theirs/qmail-send", home, pid)
        with supervising(control, ours.pid) as other:
            with as_nobody(), pytest.raises(HostError) as caught:
                Hup(str(open_home), "auto").tell()
            assert not is_told(other)
    assert caught.value.cause == "HUP: [Errno 1] Operation not permitted"


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
def test_without_a_supervisor_it_is_said_that_qmail_send_cannot_be_told(
    open_home, monkeypatch
) -> None:
    monkeypatch.setattr(hup, "SERVICES", [])
    with (
        running(open_home, READS, user=SOMEBODY),
        pytest.raises(HostError) as caught,
        as_nobody(),
    ):
        Hup(str(open_home), "auto").tell()
    assert caught.value.cause == "HUP: [Errno 1] Operation not permitted"


LOOKS_AT_NOBODY = ["setpriv", "--bounding-set=-sys_ptrace", sys.executable, "-c"]
TELL = "import sys; from qmailpanel.qmail.host.hup import Hup; Hup(sys.argv[1], 'auto').tell()"


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
def test_who_may_signal_every_process_and_look_at_none_tells_only_the_one_of_this_home(
    open_home, other_home
) -> None:
    """As root is with what the unit of the sync service leaves to it."""
    with (
        running_with_lock(other_home, user=SOMEBODY),
        running_with_lock(open_home, user=SOMEBODY),
    ):
        rewind(other_home)
        subprocess.run([*LOOKS_AT_NOBODY, TELL, str(open_home)], cwd=ROOT, check=True)
        assert was_read(open_home)
        time.sleep(0.2)
        assert not was_read(other_home)


def rewind(home: Path) -> None:
    """Let any read of virtualdomains move its access time."""
    path = home / "control/virtualdomains"
    written = path.stat().st_mtime_ns
    os.utime(path, ns=(written - 1_000_000_000, written))


# none, and a command


def test_none_tells_nobody(home) -> None:
    with running(home, STARTS_NEVER) as send:
        Hup(str(home), "none").tell()
        assert send.poll() is None


def test_a_command_is_run_without_a_shell_and_proved(home) -> None:
    Hup(str(home), f"cat '{home}/control/virtualdomains'").tell()
    assert was_read(home)


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("true", "HUP: qmail-send did not read control/virtualdomains"),
        ("sh -c 'echo no such service >&2; exit 1'", "no such service"),
        ("/no/such/program -h", "No such file or directory"),
        ("svc -h 'unfinished", "No closing quotation"),
    ],
)
def test_a_command_that_does_not_tell_it_is_said(home, monkeypatch, command, cause) -> None:
    monkeypatch.setattr(hup, "HUP_SECONDS", 0.05)
    with pytest.raises(HostError) as caught:
        Hup(str(home), command).tell()
    assert cause in caught.value.cause


def test_where_nothing_would_show_a_read_it_waits_a_moment(home) -> None:
    (home / "control/virtualdomains").unlink()
    Hup(str(home), f"touch {home}/told").tell()
    assert (home / "told").exists()
