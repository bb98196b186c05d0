"""A real Dovecot on loopback ports, with the configuration that deploy/ has."""

from __future__ import annotations

import contextlib
import imaplib
import os
import poplib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit.real_qmail import wait_for

ROOT = Path(__file__).parents[2]
DOVECOT = "/usr/sbin/dovecot"
needs_dovecot = [
    pytest.mark.root,
    pytest.mark.skipif(
        not Path("/usr/lib/dovecot/imap").exists() or os.geteuid() != 0,
        reason="no Dovecot, or not root",
    ),
]
_AROUND = """
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
listen = 127.0.0.1
protocols = imap pop3
ssl = no
# failing here delays nobody
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
}}
!include {place}/qmailpanel.conf
"""


@dataclass
class Dovecot:
    """What runs, and ways in."""

    place: Path
    imap_port: int
    pop3_port: int

    def imap(self, user: str, password: str) -> bool:
        """Whether it lets in."""
        with self.open_imap() as client:
            try:
                client.login(user, password)
            except client.error as error:
                assert "AUTHENTICATIONFAILED" in str(error), self.log()
                return False
            return True

    def pop3(self, user: str, password: str) -> bool:
        """Whether it lets in."""
        client = poplib.POP3("127.0.0.1", self.pop3_port)
        try:
            client.user(user)
            client.pass_(password)
        except poplib.error_proto as error:
            assert b"AUTH" in error.args[0], self.log()
            return False
        finally:
            client.quit()
        return True

    @contextlib.contextmanager
    def open_imap(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.imap_port)
        try:
            yield client
        finally:
            client.logout()

    def subjects(self, user: str, password: str) -> list[str]:
        """Of the messages in the inbox."""
        with self.open_imap() as client:
            client.login(user, password)
            client.select()
            _, found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
            parts = [part[1] for part in found if isinstance(part, tuple)]
            return [part.decode().split(":")[1].strip() for part in parts]

    def doveadm(self, *arguments: str) -> str:
        command = ["doveadm", "-c", str(self.place / "dovecot.conf"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def log(self) -> str:
        return (self.place / "log").read_text()


@contextlib.contextmanager
def run_dovecot(place: Path, logins: Path) -> Iterator[Dovecot]:
    """`place`: a directory that everybody may enter."""
    ports = [_free_port(), _free_port()]
    text = (ROOT / "deploy/dovecot/qmailpanel.conf").read_text()
    text = text.replace("/var/qmail/logins", str(logins))
    text = text.replace("/opt/qmailpanel/deploy/dovecot", str(place))
    (place / "qmailpanel.conf").write_text(text)
    around = _AROUND.format(place=place, imap=ports[0], pop3=ports[1])
    (place / "dovecot.conf").write_text(around)
    shutil.copy(ROOT / "deploy/dovecot/note-use", place)
    running = subprocess.Popen([DOVECOT, "-F", "-c", place / "dovecot.conf"])
    dovecot = Dovecot(place, *ports)
    try:
        wait_for(lambda: all(_answers(port) for port in ports))
        yield dovecot
    finally:
        running.terminate()
        running.wait(10)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
