"""qmail-newu where it is ours, and the same map made here where it is not."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host import map_compiler
from qmailpanel.qmail.host.errors import Busy, HostError
from qmailpanel.qmail.host.map_compiler import compile_map, is_home_compiled_in
from qmailpanel.qmail.host.shared_file import hold_lock
from tests.kit.programs import make_newu

ASSIGN = b"=100-biliards:popuser:110:31:/var/qmail/mailnames/pandle.net/biliards:::\n.\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("bin", "users"):
        (tmp_path / "qmail" / name).mkdir(parents=True)
    (tmp_path / "qmail/users/assign").write_bytes(ASSIGN)
    return tmp_path / "qmail"


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
    monkeypatch.setattr(map_compiler, "COMPILER_SECONDS", 0.1)
    make_newu(home, "exec /bin/sleep 60")
    with pytest.raises(HostError) as caught:
        compile_map(str(home), Shared.ASSIGN)
    assert "timed out" in caught.value.cause


def test_a_qmail_newu_that_outlives_a_killed_run_is_waited_for(home) -> None:
    make_newu(
        home,
        f"cd {home}/users && echo made > cdb.tmp && read -r line < go && exec /bin/mv cdb.tmp cdb",
    )
    os.mkfifo(home / "users/go")
    child = os.fork()
    if not child:
        with hold_lock(str(home)):
            compile_map(str(home), Shared.ASSIGN)
    go = (home / "users/go").open("w")  # once it is read
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(Busy), hold_lock(str(home)):
        pass
    go.write("on\n")
    go.close()
    wait_for_lock(home)
    assert (home / "users/cdb").read_bytes() == b"made\n"


def wait_for_lock(home: Path) -> None:
    for _ in range(1_000):
        with contextlib.suppress(Busy), hold_lock(str(home)):
            return
        time.sleep(0.01)
    raise AssertionError("no end")


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
