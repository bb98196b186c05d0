"""A real Dovecot on loopback ports, with the configuration that deploy/ has."""

from __future__ import annotations

import contextlib
import imaplib
import os
import poplib
import shutil
import smtplib
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.kit.real_qmail import wait_for

ROOT = Path(__file__).parents[2]
DOVECOT = "/usr/sbin/dovecot"
_SERVICES = """
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
listen = 127.0.0.1
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
"""
# with TLS it would want a certificate
_SENDING = """
protocols = imap pop3 submission
submission_relay_port = {relay}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = 0
  }}
}}
"""
# what stands before the panel's file; of 2.4 with what Debian 13 has in its conf.d
_BEFORE = {
    "2.3": "protocols = imap pop3",
    "2.4": """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols = imap pop3
mail_driver = mbox
mail_home = /home/%{user | username}
mail_path = %{home}/mail
mail_inbox_path = /var/mail/%{user}
mail_privileged_group = mail
namespace inbox {
  inbox = yes
}
""",
}


@dataclass(frozen=True)
class Installation:
    """A Dovecot of this machine, or of another Debian below `root`."""

    root: Path

    @property
    def is_here(self) -> bool:
        return (self.root / "usr/lib/dovecot/imap").exists() and os.geteuid() == 0

    @property
    def sends(self) -> bool:
        """Whether it has the submission service."""
        return (self.root / "usr/lib/dovecot/submission").exists()

    @cached_property
    def version(self) -> str:
        """Its first two numbers."""
        command = ["chroot", str(self.root), DOVECOT, "--version"]
        said = subprocess.run(command, capture_output=True, check=True)
        return ".".join(said.stdout.decode().split(".")[:2])

    def inside(self, place: Path, *command: str) -> list[str]:
        """The command there: it sees `place`, and the users and groups of this machine."""
        shown = [str(self.root), str(place)]
        return ["unshare", "-m", "sh", "-c", _INSIDE, "sh", *shown, *command]


_INSIDE = """
set -e
mount --make-rprivate /
root=$1 place=$2
shift 2
if [ "$root" != / ]; then
    mkdir -p "$root$place"
    mount --bind "$place" "$root$place"
    for name in /etc/passwd /etc/group /dev; do mount --bind "$name" "$root$name"; done
fi
exec chroot "$root" "$@"
"""
OWN = Installation(Path("/"))
OTHER = Installation(Path(os.environ.get("TEST_DOVECOT_ROOT", "/nowhere")))
needs_dovecot = [
    pytest.mark.root,
    pytest.mark.skipif(not OWN.is_here, reason="no Dovecot, or not root"),
]
installations = [
    pytest.param(OWN, id="own"),
    pytest.param(
        OTHER,
        id="other",
        marks=pytest.mark.skipif(
            not OTHER.is_here, reason="TEST_DOVECOT_ROOT names no Debian with Dovecot, or not root"
        ),
    ),
]


@dataclass
class Dovecot:
    """What runs, and ways in."""

    installation: Installation
    place: Path
    imap_port: int
    pop3_port: int
    submission_port: int
    relay_port: int  # of who takes what people send; nobody listens there yet
    master: int  # the process

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

    def send(self, user: str, password: str) -> bool:
        """Whether it lets in, and then takes a message."""
        with smtplib.SMTP("127.0.0.1", self.submission_port) as client:
            try:
                client.login(user, password)
            except smtplib.SMTPAuthenticationError:
                return False
            return not client.sendmail(user, "joe@elsewhere.test", "Subject: hello\r\n")

    def doveadm(self, *arguments: str) -> str:
        command = ["doveadm", "-c", str(self.place / "dovecot.conf"), *arguments]
        inside = self.installation.inside(self.place, *command)
        done = subprocess.run(inside, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def memory_for_logins(self) -> int:
        """The most bytes that the process may have which somebody was let in by."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        [auth] = [n for n in children if b"auth\0" in Path(f"/proc/{n}/cmdline").read_bytes()]
        limits = Path(f"/proc/{auth}/limits").read_text()
        return int(limits.partition("Max address space")[2].split()[0])

    def log(self) -> str:
        path = self.place / "log"
        return path.read_text() if path.exists() else "it said nothing"


@contextlib.contextmanager
def run_dovecot(installation: Installation, place: Path, logins: Path) -> Iterator[Dovecot]:
    """`place`: a directory that everybody may enter."""
    imap, pop3, submission, relay = ports = [_free_port() for _ in range(4)]
    version = installation.version
    text = (ROOT / f"deploy/dovecot/qmailpanel-{version}.conf").read_text()
    text = text.replace("/var/qmail/logins", str(logins))
    text = text.replace("/opt/qmailpanel/deploy/dovecot", str(place))
    services = _SERVICES.format(place=place, imap=ports[0], pop3=ports[1])
    if installation.sends:
        text += (ROOT / "deploy/dovecot/qmailpanel-submission.conf").read_text()
        text += _SENDING.format(submission=ports[2], relay=ports[3])
    (place / "dovecot.conf").write_text(f"{_BEFORE[version]}\n{services}\n{text}")
    shutil.copy(ROOT / "deploy/dovecot/note-use", place)
    command = installation.inside(place, DOVECOT, "-F", "-c", f"{place}/dovecot.conf")
    running = subprocess.Popen(command)
    dovecot = Dovecot(installation, place, imap, pop3, submission, relay, running.pid)
    try:
        wait_for(lambda: all(_answers(port) for port in ports[:2]), dovecot.log)
        yield dovecot
    finally:
        running.terminate()
        running.wait(10)


class _Relay(socketserver.StreamRequestHandler):
    """A qmail-smtpd that takes everything."""

    def handle(self) -> None:
        self.wfile.write(b"220 relay\r\n")
        for line in self.rfile:
            if line.upper() == b"DATA\r\n":
                self.wfile.write(b"354 go\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.taken.append(b"".join(lines).decode())  # type: ignore[attr-defined]
            self.wfile.write(b"250 ok\r\n")


@contextlib.contextmanager
def taking_mail(port: int) -> Iterator[list[str]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), _Relay) as server:
        server.taken = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.taken  # type: ignore[attr-defined]
        finally:
            server.shutdown()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
