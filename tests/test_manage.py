"""`./manage.py` as somebody types it: on a bare machine, on a mail host, before a database."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import venv
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.utils import timezone

from qmailpanel.command_line import run_command
from qmailpanel.environment import installed
from qmailpanel.environment.version import read_version
from qmailpanel.qmail.doctor.control_files import UNREADABLE
from qmailpanel.sync.models import HostFinding
from tests.kit.disk import make_home
from tests.kit.real_qmail import wait_for

ROOT = Path(__file__).parents[1]
SYSTEM_PYTHON = Path(sys.base_prefix) / "bin/python3"
LACKING = (
    "The database lacks tables that this release needs: "
    "./manage.py migrate && ./manage.py createcachetable\n"
)
ASK_THE_WEB_SERVER = """
from io import BytesIO
from wsgiref.util import setup_testing_defaults
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from qmailpanel.wsgi import application

def ask():
    environ, statuses = {"PATH_INFO": "/sign-in/", "wsgi.input": BytesIO()}, []
    environ["HTTP_COOKIE"] = f"{settings.SESSION_COOKIE_NAME}=somebodys"
    setup_testing_defaults(environ)
    body = b"".join(application(environ, lambda status, _headers, *_more: statuses.append(status)))
    print(statuses[0], body.decode()[:40].splitlines()[0])

ask()
call_command("migrate", verbosity=0)
call_command("createcachetable", verbosity=0)
ask()
with connection.cursor() as cursor:
    cursor.execute("DROP TABLE cache")
    cursor.execute("DROP TABLE django_session")
ask()
ask()
"""


def world(place):
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    return kept | {"QMAILPANEL_STATE_DIR": str(place / "state"), "DATABASE_URL": ""}


def manage(place, *words, python=sys.executable, at=ROOT, **how):
    argv = [python, "manage.py", *words]
    how = {"capture_output": True, "text": True, "timeout": 60} | how
    return subprocess.run(argv, cwd=at, env=world(place), check=False, **how)


def make_tables(place):
    for command in ("migrate", "createcachetable"):
        assert manage(place, command).returncode == 0


def drop_tables(place):
    with closing(sqlite3.connect(place / "state/db.sqlite3")) as database:
        database.execute("BEGIN IMMEDIATE")
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in tables:
            if not name.startswith("sqlite_"):
                database.execute(f'DROP TABLE IF EXISTS "{name}"')
        database.commit()


def is_served(place):
    with closing(sqlite3.connect(place / "state/db.sqlite3")) as database:
        alive = "SELECT count(heartbeat) FROM reports_syncnode"
        return database.execute(alive).fetchone() == (1,)


@contextmanager
def serving(place, said):
    """The sync service, and what it says."""
    argv = [sys.executable, "manage.py", "qmailsync"]
    with said.open("w") as file:
        service = subprocess.Popen(argv, cwd=ROOT, env=world(place), stderr=file)
    try:
        yield service
    finally:
        service.terminate()
        service.wait(20)


@pytest.fixture
def checkout(tmp_path):
    """A clone in which nothing was installed yet."""
    place = tmp_path / "clone"
    place.mkdir()
    shutil.copy(ROOT / "manage.py", place)
    (place / "qmailpanel").symlink_to(ROOT / "qmailpanel")
    return place


# which Python


def test_the_systems_python_finds_what_was_installed_for_the_panel(tmp_path):
    assert (ROOT / ".venv").exists()  # by make
    done = manage(tmp_path, "version", python=SYSTEM_PYTHON)
    assert (done.returncode, done.stderr) == (0, "")


def test_where_nothing_was_installed_it_is_said_how(checkout, tmp_path):
    venv.create(checkout / ".venv", symlinks=True)  # it was begun, and has nothing in it
    done = manage(tmp_path, "migrate", python=SYSTEM_PYTHON, at=checkout)
    assert done.returncode == 1
    assert re.fullmatch(r"The panel needs \w+, which is not installed here: make .*\n", done.stderr)


# on a mail host


@pytest.fixture
def installed_panel(monkeypatch, tmp_path):
    """A host whose panel has settings, of which this process was told none."""
    environment = tmp_path / "environment"
    environment.write_text("QMAILPANEL_STATE_DIR=/var/lib/qmailpanel\n")
    monkeypatch.setattr(installed, "ENVIRONMENT", environment)
    monkeypatch.setattr(installed, "UNIT", tmp_path / "qmailpanel-sync.service")
    monkeypatch.setattr(installed, "KEPT", [tmp_path / "service"])
    for name in os.environ:
        if name.startswith("QMAILPANEL_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("command", ["doctor", "migrate", "qmailsync", "run"])
def test_a_command_without_the_hosts_settings_judges_and_makes_nothing(installed_panel, command):
    with pytest.raises(SystemExit, match="write qmailpanel in the place of"):
        run_command(["manage.py", command])


def test_remedies_name_the_command_that_is_there(installed_panel, client, db):
    page = client.get("/password/reset/").content.decode()
    assert "<code>qmailpanel operator" in page
    assert "./manage.py" not in page


@pytest.mark.parametrize(
    ("keeper", "command"),
    [
        ("qmailpanel-sync.service", "systemctl start qmailpanel-sync"),
        ("service/qmailpanel-sync", "svc -u {}/service/qmailpanel-sync"),
        ("", "qmailpanel qmailsync"),
    ],
)
def test_the_banner_names_what_starts_the_service_here(
    installed_panel, tmp_path, as_operator, keeper, command
):
    (tmp_path / keeper).mkdir(parents=True, exist_ok=True)
    page = as_operator.get("/domains/").content.decode()
    assert f"Start it with: {command.format(tmp_path)}<" in page


def test_the_doctor_names_the_command_that_is_there(installed_panel, as_operator):
    HostFinding.objects.create(
        node="main",
        severity=UNREADABLE.severity,
        file="control/databytes",
        remedy=UNREADABLE.remedy,
        since=timezone.now(),
    )
    page = as_operator.get("/sync/doctor/").content.decode()
    assert "Run qmailpanel doctor as root" in page


# before a database


@pytest.mark.parametrize("line", ["ledger", "qmailsync --once", "operator me@example.org"])
def test_a_command_without_tables_says_what_makes_them(tmp_path, line):
    done = manage(tmp_path, *line.split())
    assert (done.returncode, done.stdout, done.stderr) == (1, "", LACKING)


def test_the_service_waits_for_tables_and_says_so_once(tmp_path):
    said = tmp_path / "said"
    with serving(tmp_path, said) as service:
        wait_for(lambda: said.read_text() != "")
        time.sleep(2.5)
        assert service.poll() is None
    assert said.read_text() == f"ERROR qmailpanel.sync.waiting: {LACKING}"


def test_the_service_waits_where_tables_vanish_under_it_and_says_so_once(tmp_path):
    make_home(tmp_path / "state/qmail", {})
    make_tables(tmp_path)
    said = tmp_path / "said"
    with serving(tmp_path, said) as service:
        wait_for(lambda: is_served(tmp_path))
        drop_tables(tmp_path)
        wait_for(lambda: said.read_text() != "")
        time.sleep(2.5)
        assert said.read_text().count("\n") == 1
        make_tables(tmp_path)
        wait_for(lambda: is_served(tmp_path))
        drop_tables(tmp_path)
        service.terminate()
        assert service.wait(10) == 0
    for line in said.read_text().splitlines():
        assert line.startswith("ERROR qmailpanel.sync.waiting: The database ")


def test_the_web_server_answers_in_a_sentence_until_there_are_tables(tmp_path):
    argv = [sys.executable, "-c", ASK_THE_WEB_SERVER]
    done = subprocess.run(
        argv, cwd=ROOT, env=world(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stderr.count("Internal Server Error") == 1  # in the log, of who saw them go
    [before, after, as_they_go, gone] = done.stdout.splitlines()
    assert before == as_they_go == gone == f"503 Service Unavailable {LACKING[:40]}"
    assert after.startswith("200 OK")


def test_an_empty_database_on_a_host_that_was_made_from_another_is_not_called_new(tmp_path):
    mark = tmp_path / "state/qmail/users/.qmailpanel.ledger"
    mark.parent.mkdir(parents=True)
    (tmp_path / "state/db.sqlite3").touch()
    mark.touch()
    done = manage(tmp_path, "ledger")
    assert "this mail host was made from one: put its backup back" in done.stderr


# what it says


def test_the_version_is_the_panels(tmp_path):
    [version] = re.findall('^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for word in ("--version", "version"):
        assert manage(tmp_path, word).stdout == f"{version}\n"
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_operators_see_the_version_on_every_page(as_operator, as_colleague):
    assert f"qmailpanel {read_version()}</p>" in as_operator.get("/sync/").content.decode()
    assert f"qmailpanel {read_version()}</p>" not in as_colleague.get("/").content.decode()


def test_whoever_stops_reading_gets_no_traceback(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    for words in (["help"], ["domain", "--help"]):
        done = manage(tmp_path, *words, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (141, "")
    os.close(writer)
