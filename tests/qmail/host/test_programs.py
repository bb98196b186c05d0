"""qmail-newu where it is ours, and a HUP that is proved, whoever supervises qmail-send."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host import programs
from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.host.mail_host import is_home_compiled_in
from qmailpanel.qmail.host.programs import Hup, compile_map
from tests.kit.programs import (
    IS_DEAF,
    READS,
    STARTS_NEVER,
    STARTS_SLOWLY,
    make_newu,
    running,
)

is_root = os.geteuid() == 0
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
    monkeypatch.setattr(programs, "HUP_SECONDS", 0.3)
    hup = Hup(str(home), "auto")
    with running(home, READS):
        hup.tell()
        hup.tell()
    with running(home, IS_DEAF), pytest.raises(HostError) as caught:
        hup.tell()
    assert caught.value.cause == "HUP: qmail-send did not read control/virtualdomains"


def test_a_qmail_send_that_just_starts_is_not_ended_by_it(home) -> None:
    with running(home, STARTS_SLOWLY) as send:
        Hup(str(home), "auto").tell()
        assert was_read(home)
        assert send.poll() is None


def test_a_qmail_send_that_never_comes_up_is_said_and_left_alone(home, monkeypatch) -> None:
    monkeypatch.setattr(programs, "HUP_SECONDS", 0.1)
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


def make_control(directory: Path) -> Path:
    """The control fifo of a service directory."""
    control = directory / "supervise/control"
    control.parent.mkdir(parents=True)
    os.mkfifo(control)
    control.chmod(0o622)
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
def test_a_supervisor_is_asked_with_the_byte_that_all_of_them_take(
    open_home, tmp_path, monkeypatch, name
) -> None:
    services = [open_home / "left-over", open_home / "service"]
    make_control(services[0] / "qmail-send")  # nobody reads it
    control = make_control(services[1] / name)
    monkeypatch.setattr(programs, "SERVICES", services)
    with running(open_home, READS, user=SOMEBODY) as send, supervising(control, send.pid) as asked:
        with as_nobody():
            Hup(str(open_home), "auto").tell()
        assert asked.stdout
        assert asked.stdout.read() == b"h"
    assert was_read(open_home)


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="not root")
def test_without_a_supervisor_it_is_said_that_qmail_send_cannot_be_told(
    open_home, monkeypatch
) -> None:
    monkeypatch.setattr(programs, "SERVICES", [])
    with (
        running(open_home, READS, user=SOMEBODY),
        pytest.raises(HostError) as caught,
        as_nobody(),
    ):
        Hup(str(open_home), "auto").tell()
    assert caught.value.cause == "HUP: [Errno 1] Operation not permitted"


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
    monkeypatch.setattr(programs, "HUP_SECONDS", 0.05)
    with pytest.raises(HostError) as caught:
        Hup(str(home), command).tell()
    assert cause in caught.value.cause


def test_where_nothing_would_show_a_read_it_waits_a_moment(home) -> None:
    (home / "control/virtualdomains").unlink()
    Hup(str(home), f"touch {home}/told").tell()
    assert (home / "told").exists()


# users/cdb


def test_a_program_is_ours_when_this_very_home_is_compiled_in(tmp_path) -> None:
    program = tmp_path / "qmail-newu"
    program.write_bytes(b"\x7fELF\0users/assign\0/var/qmail\0")
    assert is_home_compiled_in(program, "/var/qmail")
    for home in ("/qmail", "/var", "/var/qmai", "/var/qmail2", "/srv/qmail", "var/qmail"):
        assert not is_home_compiled_in(program, home)
    assert not is_home_compiled_in(tmp_path / "none", "/var/qmail")


def test_the_qmail_newu_of_the_home_makes_the_map(home) -> None:
    make_newu(home, f"cd {home}/users && echo made > cdb.tmp && /bin/mv cdb.tmp cdb")
    compile_map(str(home), Shared.ASSIGN)
    assert (home / "users/cdb").read_bytes() == b"made\n"


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("echo qmail-newu: fatal: out of memory >&2; exit 111", "qmail-newu: fatal: out of memory"),
        ("exit 3", "qmail-newu: exit 3"),
        ("kill -9 $$", "qmail-newu: exit -9"),
        ("exit 0", "users/cdb is still the old one"),
    ],
)
def test_a_qmail_newu_that_fails_leaves_the_old_map_and_is_quoted(home, script, cause) -> None:
    (home / "users/cdb").write_bytes(b"old")
    make_newu(home, script)
    with pytest.raises(HostError) as caught:
        compile_map(str(home), Shared.ASSIGN)
    assert cause in caught.value.cause
    assert (home / "users/cdb").read_bytes() == b"old"


def test_a_qmail_newu_that_hangs_is_ended(home, monkeypatch) -> None:
    monkeypatch.setattr(programs, "COMPILER_SECONDS", 0.1)
    make_newu(home, "exec /bin/sleep 60")
    with pytest.raises(HostError) as caught:
        compile_map(str(home), Shared.ASSIGN)
    assert "timed out" in caught.value.cause


def test_a_left_over_of_a_killed_run_is_no_obstacle(home) -> None:
    (home / "users/cdb.tmp").write_bytes(b"half")
    compile_map(str(home), Shared.ASSIGN)
    assert sorted(os.listdir(home / "users")) == ["assign", "cdb"]
    assert (home / "users/cdb").stat().st_mode & 0o777 == 0o644


def test_a_directory_in_the_way_of_the_new_map_is_said(home) -> None:
    (home / "users/cdb.tmp").mkdir()
    with pytest.raises(HostError) as caught:
        compile_map(str(home), Shared.ASSIGN)
    assert "users/cdb.tmp" in caught.value.cause


def test_an_assign_that_qmail_newu_would_refuse_is_refused_without_it(home) -> None:
    (home / "users/assign").write_bytes(ASSIGN.removesuffix(b".\n"))
    with pytest.raises(HostError) as caught:
        compile_map(str(home), Shared.ASSIGN)
    assert "users/cdb" in caught.value.cause
    assert not (home / "users/cdb").exists()
