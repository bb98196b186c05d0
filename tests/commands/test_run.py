"""`manage.py run` as a person in a terminal meets it: from nothing to a panel, and its end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from qmailpanel.commands.processes import is_port_taken

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def world(tmp_path):
    """The environment of a host without qmail, where nothing was ever started."""
    ours = ("QMAILPANEL_", "DATABASE_", "DJANGO_")
    outer = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **outer,
        "QMAILPANEL_STATE_DIR": str(tmp_path / "state"),
        "QMAILPANEL_PORT": str(free_port()),
    }


def manage(world, *arguments):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=world,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def running(world, tmp_path):
    """The command in a session of its own, with what it says in files, so that it never blocks."""
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        command = [sys.executable, "manage.py", "run"]
        with subprocess.Popen(
            command, cwd=ROOT, env=world, stdout=out, stderr=err, start_new_session=True
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                process.wait(PATIENCE)


def wait_until(is_so, process):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def greeting(tmp_path, process):
    wait_until(lambda: "Ctrl-C" in (tmp_path / "out").read_text(), process)
    return (tmp_path / "out").read_text()


def children_of(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in listed]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def line_of(tmp_path, key):
    virtual = (tmp_path / "state/qmail/control/virtualdomains").read_text().splitlines()
    return next((line for line in virtual if line.startswith(key)), None)


def test_one_command_leads_from_nothing_to_live_demo_data_and_ctrl_c_ends_it(world, tmp_path):
    with running(world, tmp_path) as process:
        said = greeting(tmp_path, process)
        (link,) = re.findall(r"http://\S+token=\S+", said)
        with urllib.request.urlopen(link, timeout=PATIENCE) as page:
            assert "Sign in as operator@example.org" in page.read().decode()
        wait_until(lambda: line_of(tmp_path, "pandle.net:100"), process)
        wait_until((tmp_path / "state/qmail/users/cdb").exists, process)
        children = children_of(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert [pid for pid in children if is_running(pid)] == []
    assert "Traceback" not in (tmp_path / "err").read_text()
    assert link not in (tmp_path / "err").read_text()


def test_a_second_start_keeps_the_data(world, tmp_path):
    for _ in range(2):
        with running(world, tmp_path) as process:
            greeting(tmp_path, process)
            (tmp_path / "state/qmail/control/me").write_text("kept.example\n")
    listed = "from qmailpanel.domains.models import Domain; print(Domain.objects.count())"
    assert manage(world, "shell", "--no-imports", "-c", listed).stdout == "3\n"
    assert (tmp_path / "state/qmail/control/me").read_text() == "kept.example\n"


@pytest.mark.parametrize("which", [0, 1])
def test_when_one_of_the_two_dies_the_other_is_ended_and_the_exit_code_says_so(
    world, tmp_path, which
):
    with running(world, tmp_path) as process:
        greeting(tmp_path, process)
        children = children_of(process)
        os.kill(children[which], signal.SIGKILL)
        assert process.wait(PATIENCE) != 0
    assert [pid for pid in children if is_running(pid)] == []
    assert not is_port_taken("127.0.0.1", int(world["QMAILPANEL_PORT"]))
    assert "has ended" in (tmp_path / "err").read_text()


def test_a_port_that_is_taken_is_said_in_one_sentence(world):
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(world["QMAILPANEL_PORT"])))
        other.listen()
        ended = manage(world, "run")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"Port {world['QMAILPANEL_PORT']} of 127.0.0.1 is taken: set QMAILPANEL_PORT to another."
    ]
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QMAILPANEL_PORT", "http", "QMAILPANEL_PORT is 'http', but must be a whole number"),
        ("QMAILPANEL_BASE_URL", "panel", "QMAILPANEL_BASE_URL is 'panel', but must be http"),
        ("QMAILPANEL_STATE_DIR", "/dev/null/x", "/dev/null/x: Not a directory."),
    ],
)
def test_a_wrong_variable_is_said_in_one_sentence(world, name, value, said):
    ended = manage(world | {name: value}, "check")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(said)


def test_a_host_with_a_qmail_of_its_own_gets_no_demo_data_and_no_files(world, tmp_path):
    home = tmp_path / "real"
    (home / "control").mkdir(parents=True)
    prepare = (
        "from qmailpanel.commands.management.commands.run import prepare; prepare();"
        "from qmailpanel.domains.models import Domain; print(Domain.objects.count())"
    )
    world["QMAILPANEL_QMAIL_HOME"] = str(home)
    assert manage(world, "shell", "--no-imports", "-c", prepare).stdout == "0\n"
    assert list(home.iterdir()) == [home / "control"]
    assert list((home / "control").iterdir()) == []


def test_clients_that_send_six_bytes_of_a_form_and_wait_keep_nobody_waiting(world, tmp_path):
    port = int(world["QMAILPANEL_PORT"])
    head = (
        "POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Cookie: qmailpanel-csrf-{port}={'c' * 32}\r\n\r\nlogin="
    )
    with running(world, tmp_path) as process, ExitStack() as slow:
        greeting(tmp_path, process)
        for _ in range(3):
            client = slow.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(head.encode())
        time.sleep(0.5)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=10) as page:
            assert "Password" in page.read().decode()
