"""A database that keeps pages waiting, or does not answer."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import close_old_connections, connection
from django.test import Client

from qmailpanel.domains.models import Domain
from qmailpanel.web.log_lines import WithoutTraceback

ROOT = Path(__file__).parents[2]
SHOWN = {
    "sqlite": ["PRAGMA busy_timeout"],
    "postgresql": ["SHOW lock_timeout", "SHOW statement_timeout"],
}
BOUNDS = {"sqlite": "5000", "postgresql": "5s 10s"}
UNBOUND = {"sqlite": "20000", "postgresql": "0 0"}
SHOW = """
import sys, {module}
from django.db import close_old_connections, connection
with connection.cursor() as cursor:
    for statement in {statements}:
        cursor.execute(statement)
        print(cursor.fetchone()[0], end=" ")
"""
AGAIN = "try again in some seconds"
on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server")


@contextmanager
def ledger_held():
    """Another process writes, and goes on; this one waits a moment alone."""
    other = connection.copy()
    with connection.cursor() as cursor, closing(other):
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 50")
            other.cursor().execute("BEGIN IMMEDIATE")
        else:
            cursor.execute("SET lock_timeout = '50ms'")
            other.set_autocommit(False)
            other.cursor().execute("SELECT * FROM ledger_ledgerhead FOR UPDATE")
        try:
            yield
        finally:
            connection.close()


@pytest.fixture
def patient(operator):
    """A browser that takes an error for what is answered."""
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    return client


@pytest.mark.django_db(transaction=True)
def test_a_form_that_waits_too_long_says_that_nothing_was_saved(domain, patient):
    address = f"/domains/{domain}/switch/"
    with ledger_held():
        answer = patient.post(address, {"on": "0"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert AGAIN in answer.content.decode()
    assert Domain.objects.get().enabled
    assert patient.post(address, {"on": "0"}).status_code == 303


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_pages_come_again_when_the_server_does(domain, patient):
    assert patient.get("/domains/").status_code == 200
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    close_old_connections()  # as every request does, but the test's own
    assert patient.get("/domains/").status_code == 200


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_a_page_whose_server_is_away_says_so(patient, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    connection.close()
    answer = patient.get("/domains/")
    monkeypatch.undo()
    connection.close()
    assert (answer.status_code, AGAIN in answer.content.decode()) == (503, True)
    assert patient.get("/domains/").status_code == 200


def test_what_is_no_wait_is_an_error_of_the_panel(patient, monkeypatch):
    monkeypatch.setattr("qmailpanel.domains.views._list_context", lambda *_any: 1 / 0)
    assert patient.get("/domains/").status_code == 500


def _url_of_tests():
    """Of the database that the tests made; the one that they were given need not be there."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return url._replace(path=f"/{connection.settings_dict['NAME']}").geturl() if url.path else ""


@pytest.mark.parametrize(
    ("module", "shown"), [("qmailpanel.wsgi", BOUNDS), ("django; django.setup()", UNBOUND)]
)
@pytest.mark.django_db
def test_web_waits_a_few_seconds_and_commands_as_long_as_it_takes(tmp_path, module, shown):
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL_")}
    (tmp_path / "state").mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SHOW.format(module=module, statements=SHOWN[connection.vendor]),
        ],
        cwd=ROOT,
        env=kept
        | {"QMAILPANEL_STATE_DIR": str(tmp_path / "state"), "DATABASE_URL": _url_of_tests()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == shown[connection.vendor]


@pytest.mark.django_db(transaction=True)
def test_the_log_has_one_line_a_second_of_it(domain, patient):
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.addFilter(WithoutTraceback())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        with ledger_held():
            for _ in range(3):
                patient.post(f"/domains/{domain}/switch/", {"on": "0"})
    finally:
        logger.removeHandler(handler)
    assert len(log.getvalue().splitlines()) == 1
    assert "database" in log.getvalue()
