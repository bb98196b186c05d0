"""What the crowd finds: a panel with people, mailboxes and a long ledger, and its two processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import django

from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state

prepare_state(read_settings(os.environ))
django.setup()

from django.conf import settings  # noqa: E402 - only now is the panel there
from django.core.management import call_command  # noqa: E402 - as above
from django.db import connection, transaction  # noqa: E402 - as above
from django.test import Client  # noqa: E402 - as above
from django.utils import timezone  # noqa: E402 - as above

from bench.crowd import PATIENCE, Place  # noqa: E402 - as above
from bench.processes import SYNC  # noqa: E402 - as above
from bench.scene import add_domains, prepare  # noqa: E402 - as above
from qmailpanel.accounts.models import User  # noqa: E402 - as above
from qmailpanel.commands.management.commands.run import _granian  # noqa: E402 - as above
from qmailpanel.domains.access.rights import Right  # noqa: E402 - as above
from qmailpanel.domains.models import Domain, Grant  # noqa: E402 - as above
from qmailpanel.ledger.models import Change, LedgerHead, Noun, Verb  # noqa: E402 - as above

PASSWORD = "seven lanterns over quiet water"


class Scene:
    """`people`: number, address, password and domain of each. `sessions`: of two operators."""

    def __init__(self, people: int, changes: int) -> None:
        prepare()
        call_command("qmailsync", once=True)
        domains = add_domains(people, 100)
        lengthen_ledger(changes)
        self.people = [
            (number, _add_person(number, domain), PASSWORD, domain.name)
            for number, domain in enumerate(domains, start=1)
        ]
        self.sessions = [_operators_session(name) for name in ("fast", "slow")]
        self.log = settings.QMAILPANEL_STATE_DIR / "log"


def _add_person(number: int, domain: Domain) -> str:
    user = User(email=f"person{number}@example.org")
    user.set_password(PASSWORD)
    user.save()
    Grant.objects.create(user=user, domain=domain, rights=Right.values)
    return user.email


def _operators_session(name: str) -> str:
    email = f"{name}@example.org"
    user = User.objects.create(email=email, is_operator=True, password="argon2$x")
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    return str(client.session.session_key)


@transaction.atomic
def lengthen_ledger(changes: int) -> None:
    """Lines as of old times, without the digests that bind them to each other."""
    head = LedgerHead.objects.get()
    began = timezone.now() - timedelta(days=365)
    Change.objects.bulk_create(
        (
            Change(
                id=head.last + number,
                at=began + timedelta(seconds=number),
                actor_name=f"person{number % 50}@example.org",
                ip="192.0.2.1",
                verb=Verb.CHANGED,
                noun=Noun.MAILBOX,
                target=f"user{number:06}@d00001.example.org",
                before={"comment": "as it was before somebody came"},
                after={"comment": "as it is now that somebody was here"},
            )
            for number in range(1, changes + 1)
        ),
        batch_size=2_000,
    )
    LedgerHead.objects.update(last=head.last + changes)


@contextmanager
def serving(scene: Scene) -> Iterator[tuple[Place, int]]:
    """Web and sync as `make run` starts them; where, and the number of web."""
    port = _free_port()
    connection.close()
    with scene.log.open("wb") as log:
        commands = [_granian("127.0.0.1", port), SYNC]
        programs = [subprocess.Popen([sys.executable, *each], stderr=log) for each in commands]
        try:
            _wait_for(port)
            place = Place(port, settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
            yield place, programs[0].pid
        finally:
            for program in programs:
                program.terminate()
            for program in programs:
                program.wait(PATIENCE)


def log_of(scene: Scene) -> str:
    return scene.log.read_text()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
