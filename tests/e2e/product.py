"""The panel as people get it: web server, sync service and an embedded qmail home."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.e2e.pages import wait_for_today
from tests.kit.assign_map import AssignMap

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
PASSWORD = "seven lanterns over quiet water"
WEB = """import os, sys
from qmailpanel.commands.management.commands import run
os.execv(sys.executable, [sys.executable, *run._granian("127.0.0.1", run.settings.QMAILPANEL_PORT)])
"""
CHROMIUM: dict[str, Any] = {
    "executable_path": "/usr/bin/chromium",
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}
OURS = ("QMAILPANEL_", "DATABASE_", "DJANGO_", "EMAIL_")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


class MailHost:
    """What qmail would read."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.mail = home / "mailnames"

    def lines(self, name: str) -> list[str]:
        return (self.home / name).read_text().splitlines()

    def prepend(self, domain: str) -> str | None:
        """The prepend that virtualdomains gives to the domain; none if it is not there."""
        found = (line.partition(":") for line in self.lines("control/virtualdomains"))
        return next((prepend for name, _colon, prepend in found if name == domain), None)

    def accepts(self, domain: str) -> bool:
        return domain in self.lines("control/rcpthosts")

    def assigned(self, domain: str, local: str) -> str | None:
        """The home that the compiled map has for this very address, relative to the mail root."""
        compiled = self.home / "users/cdb"
        if not compiled.exists():
            return None
        with compiled.open("rb") as file:
            data = AssignMap(file).get(f"={self.prepend(domain)}-{local}".encode())
        home = data.split(b"\0")[3].decode() if data else ""
        return home.removeprefix(f"{self.mail}/") or None

    def dot_qmail(self, domain: str, local: str) -> str | None:
        try:
            return (self.mail / domain / f".qmail-{local}").read_text()
        except FileNotFoundError:
            return None

    def deliver(self, domain: str, local: str, text: str) -> Path:
        """Leave a mail as qmail-local would, and say where it lies."""
        mail = self.mail / domain / local / "Maildir/new/1.e2e.host"
        mail.write_text(text)
        return mail


class Product:
    """One panel below one directory. `prepare()` first, then the two services."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.settings = settings
        self.state = directory / "state"
        self.host = MailHost(self.state / "qmail")
        self.port = free_port()
        name = settings.pop("host_name", "127.0.0.1")
        self.url = f"http://{name}:{self.port}"
        self.web: subprocess.Popen[bytes] | None = None
        self.sync: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        mine = {
            "QMAILPANEL_STATE_DIR": str(self.state),
            "QMAILPANEL_PORT": str(self.port),
            "QMAILPANEL_BASE_URL": self.url,
            "QMAILPANEL_SECOND_FACTOR": "none",  # tests/e2e/test_security.py asks for one
            "EMAIL_URL": "dummymail://",
        }
        if os.geteuid():
            mine["QMAILPANEL_MAIL_USER"] = f"popuser:{os.geteuid()}:{os.getegid()}"
        return outer | mine | self.settings

    def manage(self, *arguments: str) -> str:
        """What the command prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code)

    def prepare(self, *, demo: bool = False) -> None:
        """As `manage.py run` does it."""
        self.shell(
            "from qmailpanel.commands.management.commands import run;"
            f"run.is_new = lambda: {demo}; run.prepare()"
        )
        if not demo:
            self.manage("qmailsync", "--once")

    def copy_to(self, directory: Path, **settings: str) -> Product:
        """Another panel, as this one is now, with other settings."""
        other = Product(directory, **settings)
        shutil.copytree(self.state, other.state)
        return other

    def link(self, email: str = "operator@example.org") -> str:
        """The sign-in link that the operator's command prints."""
        return self.manage("operator", email).strip()

    def start(self) -> None:
        self.start_web()
        self.start_sync()

    def start_web(self) -> None:
        self.web = self._start("web", ["manage.py", "shell", "--no-imports", "-c", WEB])
        wait_until(self._answers)

    def start_sync(self) -> None:
        self.sync = self._start("sync", ["manage.py", "qmailsync"])

    def stop_sync(self) -> None:
        if self.sync:
            self._end(self.sync)
        self.sync = None

    def stop(self) -> None:
        self.stop_sync()
        if self.web:
            self._end(self.web)
        self.web = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """The sync service stands still, so that what is pending stays so for a while."""
        assert self.sync
        while True:
            self.sync.send_signal(signal.SIGSTOP)
            if self._is_writable():
                break
            self.sync.send_signal(signal.SIGCONT)
            time.sleep(0.01)
        try:
            yield
        finally:
            self.sync.send_signal(signal.SIGCONT)

    def has_live(self, names: Iterable[str]) -> bool:
        """Whether the domains are on the host with all that the tests expect in them."""
        assert self.sync
        assert self.sync.poll() is None, self.log("sync")
        return all(self.host.assigned(name, "sales") for name in names)

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def _is_writable(self) -> bool:
        """Whether nobody stopped in the middle of a transaction."""
        database = sqlite3.connect(self.state / "db.sqlite3", timeout=0)
        with closing(database), suppress(sqlite3.OperationalError):
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
            return True
        return False

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )

    def _answers(self) -> bool:
        assert self.web
        assert self.web.poll() is None, self.log("web")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def enter(page: Page, panel: Product) -> None:
    """By the printed link, and with a first password."""
    page.goto(panel.link())
    page.get_by_role("button", name="Sign in as").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    wait_for_today(page)
