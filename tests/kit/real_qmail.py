"""A real qmail of a test's own: a copy in the place of /var/qmail, which only this process sees.

The machine's own qmail is not touched, and no mail leaves the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import re
import signal
import smtplib
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

HOME = Path("/var/qmail")
MAIL_ROOT = HOME / "mailnames"
SENDER = "tester@outside.test"
PATIENCE = 20.0
_NEW_NAMESPACE = 0x00020000  # CLONE_NEWNS of unshare(2)
_PATH = {"PATH": f"{HOME}/bin:/usr/bin:/bin"}
SMTPD_ENVIRONMENT = _PATH | {
    "PROTO": "TCP",
    "TCPREMOTEIP": "127.0.0.1",
    "TCPLOCALIP": "127.0.0.1",
}

is_here = (HOME / "bin/qmail-newu").exists() and os.geteuid() == 0
needs_qmail = [
    pytest.mark.qmail,
    pytest.mark.root,
    pytest.mark.skipif(not is_here, reason="no qmail in /var/qmail, or not root"),
]

# a copy in the place of the machine's own


def _enter_namespace() -> None:
    """Mounts of this process are its own from here on. See mount_namespaces(7)."""
    before = os.readlink("/proc/thread-self/ns/mnt")
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NAMESPACE):
        raise OSError(ctypes.get_errno(), "unshare")
    assert os.readlink("/proc/thread-self/ns/mnt") != before
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def _copy_directories(source: Path, target: Path) -> None:
    """The directories alone, with owner and mode: no message, no line of this machine."""
    for path, _, _ in os.walk(source):
        found, made = os.stat(path), target / Path(path).relative_to(source)
        made.mkdir(exist_ok=True)
        os.chown(made, found.st_uid, found.st_gid)
        made.chmod(stat.S_IMODE(found.st_mode))


def _copy(home: Path, target: Path) -> None:
    target.mkdir(mode=0o755)
    for name in ("queue", "users", "control", "alias"):
        _copy_directories(home / name, target / name)
    subprocess.run(["cp", "-a", home / "bin", target], check=True)
    subprocess.run(["cp", "-aT", home / "queue/lock", target / "queue/lock"], check=True)
    lines = {"me": "mail.vm.test\n", "concurrencyremote": "0\n", "rcpthosts": ""}
    for name, text in lines.items():
        (target / "control" / name).write_text(text)


@contextlib.contextmanager
def private_qmail(directory: Path) -> Iterator[Qmail]:
    """A fresh qmail in /var/qmail for the block; nothing of it runs yet."""
    with private_home(directory, HOME):
        qmail = Qmail(directory / "log")
        try:
            yield qmail
        finally:
            qmail.stop()


@contextlib.contextmanager
def private_home(directory: Path, home: Path) -> Iterator[None]:
    """A fresh copy in the place of a qmail home for the block."""
    _enter_namespace()
    _copy(home, directory / "qmail")
    subprocess.run(["mount", "--bind", directory / "qmail", home], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", home], check=True)


# what became of a message


class Delivery(NamedTuple):
    """A delivery that qmail-send logged; see qmail-log(5)."""

    recipient: str
    verdict: str
    text: str


@dataclass
class Message:
    """A message as qmail-send logged it; `number` is its name in the queue."""

    number: int
    deliveries: list[Delivery] = field(default_factory=list)
    ended: bool = False


_INFO = re.compile(r"info msg (\d+): .* qp (\d+) uid")
_START = re.compile(r"starting delivery (\d+): msg (\d+) to (?:local|remote) (\S+)")
_VERDICT = re.compile(r"delivery (\d+): (success|failure|deferral): (.*)")
_END = re.compile(r"end msg (\d+)")


def read_log(text: str) -> dict[int, Message]:
    """The messages of a log of qmail-send by the number of the qmail-queue that took them."""
    messages: dict[int, Message] = {}
    current: dict[str, Message] = {}  # numbers are used again after the end of a message
    started: dict[str, tuple[Message, str]] = {}
    for line in text.splitlines():
        if found := _INFO.search(line):
            messages[int(found[2])] = current[found[1]] = Message(int(found[1]))
        elif found := _START.search(line):
            started[found[1]] = (current[found[2]], found[3])
        elif found := _VERDICT.search(line):
            message, recipient = started[found[1]]
            message.deliveries.append(Delivery(recipient, found[2], found[3]))
        elif found := _END.search(line):
            current[found[1]].ended = True
    return messages


class Qmail:
    """What stands in /var/qmail now: its qmail-send, its ways in, its log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.log.touch()
        self.send: subprocess.Popen[bytes] | None = None

    # its processes

    def start(self) -> None:
        """Run qmail-send, and wait until it serves."""
        served = self.log.read_text().count("status: ")
        with self.log.open("ab") as log:
            self.send = subprocess.Popen(
                [f"{HOME}/bin/qmail-start", "./Maildir/"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_PATH,
                cwd="/",
                start_new_session=True,
            )
        wait_for(lambda: self.log.read_text().count("status: ") > served)

    def stop(self) -> None:
        """End qmail-send and all that it started, mercifully if it listens."""
        if self.send is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            self.send.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.send.pid, signal.SIGKILL)
            self.send.wait()
        self.send = None

    def signal(self, number: signal.Signals) -> None:
        assert self.send
        os.kill(self.send.pid, number)

    # mail in

    def queue(self, recipient: str, token: str = "") -> int:
        """Hand a message to qmail-queue. Returns what the log calls it: `qp`."""
        with tempfile.TemporaryFile() as message, tempfile.TemporaryFile() as envelope:
            message.write(f"Subject: {token}\n\ntext\n".encode())
            envelope.write(f"F{SENDER}\0T{recipient}\0\0".encode())
            message.seek(0)
            envelope.seek(0)
            program = f"{HOME}/bin/qmail-queue"
            with subprocess.Popen([program], stdin=message, stdout=envelope) as taken:
                assert taken.wait() == 0
                return taken.pid

    # mail out

    def fate(self, qp: int) -> set[str]:
        """What became of a message, and of those it was forwarded as."""
        wait_for(lambda: self._is_settled(qp), self.log.read_text)
        message = self.messages()[qp]
        # its bounce may have its number when it has ended
        remote = set() if message.ended else self._remote(message.number)
        found = {f"to {address}" for address in remote}
        for delivery in message.deliveries:
            found |= self._what_became(delivery)
        return found

    def messages(self) -> dict[int, Message]:
        return read_log(self.log.read_text())

    def ended(self, qps: Sequence[int]) -> list[Message]:
        """These messages, when qmail-send is done with all."""
        messages = dict[int, Message]()

        def are_done() -> bool:
            messages.update(self.messages())  # once, because the log grows
            return all(qp in messages and messages[qp].ended for qp in qps)

        wait_for(are_done, self.log.read_text)
        return [messages[qp] for qp in qps]

    def _what_became(self, delivery: Delivery) -> set[str]:
        text = delivery.text.replace("_", " ").rstrip("/")
        if delivery.verdict != "success":
            return {f"{delivery.verdict}: {text}"}
        forwarded = re.findall(r"qp (\d+)", text)
        return set().union(*(self.fate(int(qp)) for qp in forwarded))

    def _is_settled(self, qp: int) -> bool:
        """Whether all that happens on this machine has happened to it."""
        message = self.messages().get(qp)
        if message is None or any((HOME / "queue/todo").rglob(str(message.number))):
            return False
        if message.ended or any(d.verdict == "deferral" for d in message.deliveries):
            return True
        return not self._waiting("local", message.number)

    def _remote(self, number: int) -> set[str]:
        return self._waiting("remote", number)

    @staticmethod
    def _waiting(channel: str, number: int) -> set[str]:
        """The recipients of a message that qmail-send still has to do."""
        with contextlib.suppress(FileNotFoundError):
            for path in (HOME / "queue" / channel).glob(f"*/{number}"):
                entries = path.read_bytes().split(b"\0")
                return {e[1:].decode() for e in entries if e.startswith(b"T")}
        return set()


def wait_for(
    is_true: Callable[[], bool], explain: Callable[[], str] = str, patience: float = PATIENCE
) -> None:
    """Until it is true. Fails when that takes too long."""
    deadline = time.monotonic() + patience
    while not is_true():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.005)


class Smtp(smtplib.SMTP):
    """A conversation with the qmail-smtpd of /var/qmail, as tcpserver(1) would start it."""

    def connect(self, *_: object, **__: object) -> tuple[int, bytes]:
        ours, theirs = socket.socketpair()
        with theirs:
            self.smtpd = self.start_smtpd(theirs.fileno())
        self.sock, self.file = ours, None
        return self.getreply()

    def start_smtpd(self, fd: int) -> subprocess.Popen[bytes]:
        user = pwd.getpwnam("qmaild")
        return subprocess.Popen(
            [f"{HOME}/bin/qmail-smtpd"],
            stdin=fd,
            stdout=fd,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            env=SMTPD_ENVIRONMENT,
            cwd="/",
        )

    def close(self) -> None:
        super().close()
        self.smtpd.wait(5)


@contextlib.contextmanager
def smtp() -> Iterator[Smtp]:
    """A conversation from the greeting to the goodbye."""
    client = Smtp(local_hostname="outside.test")
    client.connect()
    try:
        client.helo()
        client.mail(SENDER)
        yield client
        client.quit()
    finally:
        client.close()


def rcpt(recipient: str) -> int:
    """What qmail-smtpd says to a recipient."""
    with smtp() as client:
        return client.rcpt(recipient)[0]


def submit(recipient: str, token: str) -> int:
    """Hand a message to qmail-smtpd. Returns what the log calls it: `qp`."""
    with smtp() as client:
        assert client.rcpt(recipient)[0] == 250
        _, reply = client.data(f"Subject: {token}\r\n\r\ntext\r\n")
        return int(reply.split(b" qp ")[1])


def mails_in(home: str) -> list[str]:
    """The subjects of the mail in a home, oldest first."""
    new = MAIL_ROOT / home / "Maildir/new"
    found = sorted(new.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return [re.findall(r"(?m)^Subject: (.*)$", path.read_text())[0] for path in found]


def homes_with(token: str) -> set[str]:
    """Where a message with this subject lies, below the mail root."""
    return {
        str(home.relative_to(MAIL_ROOT))
        for home in MAIL_ROOT.glob("*/*")
        if (home / "Maildir/new").is_dir() and token in mails_in(str(home.relative_to(MAIL_ROOT)))
    }
