"""Mail that comes in by all ways at once: qmail-queue, qmail-inject, and qmail-smtpd.

Each message has a token as its subject, and remembers when it was handed over.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.kit.real_qmail import HOME, Smtp

BETWEEN = 0.12  # seconds between two messages of one way
LONGEST_SESSION = 6.0


@dataclass(frozen=True)
class Sent:
    """A message that was handed over; or, where it was not taken, that the door refused.

    `begun`: when what decides about it was read first.
    """

    token: str
    way: str
    sender: str
    recipient: str
    begun: float
    ended: float
    is_taken: bool

    def __str__(self) -> str:
        seconds = f"{self.begun % 1000:.2f} to {self.ended % 1000:.2f}"
        return f"{self.token} to {self.recipient} by {self.way} from {self.sender}, {seconds}"


class MailFlow:
    """Messages from some of the senders to some of the recipients, until the block is over."""

    def __init__(
        self, chance: random.Random, senders: Sequence[str], recipients: Sequence[str]
    ) -> None:
        self.chance = chance
        self.senders = senders
        self.recipients = recipients
        self.sent: list[Sent] = []
        self._numbers = itertools.count(1)
        self._over = threading.Event()
        self._broken: list[BaseException] = []

    @contextlib.contextmanager
    def flowing(self) -> Iterator[None]:
        ways = (self._by_queue, self._by_inject, self._at_the_door, self._in_session)
        threads = [threading.Thread(target=self._flow, args=[way]) for way in ways]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        assert self._broken == []

    def _flow(self, way: Callable[[], None]) -> None:
        try:
            while not self._over.wait(self.chance.uniform(0, 2 * BETWEEN)):
                way()
        except BaseException as error:
            self._broken.append(error)
            raise

    def _by_queue(self) -> None:
        self._hand_over("queue", _queue)

    def _by_inject(self) -> None:
        self._hand_over("inject", _inject)

    def _at_the_door(self) -> None:
        begun = time.time()
        with _session() as client:
            self._say("door", client, begun)

    def _in_session(self) -> None:
        """qmail-smtpd reads rcpthosts when it begins, and much may change until it ends."""
        begun = time.time()
        until = begun + self.chance.uniform(0, LONGEST_SESSION)
        with _session() as client:
            while time.time() < until and not self._over.wait(2 * BETWEEN):
                self._say("session", client, begun)

    def _hand_over(self, way: str, take: Callable[[str, str, str], None]) -> None:
        token, sender, recipient = self._choose()
        begun = time.time()
        take(token, sender, recipient)
        self._note(way, token, sender, recipient, begun, is_taken=True)

    def _say(self, way: str, client: Smtp, connected: float) -> None:
        token, sender, recipient = self._choose()
        client.mail(sender)
        is_taken = client.rcpt(recipient)[0] == 250
        begun = time.time() if is_taken else connected
        if is_taken:
            code, _ = client.data(f"Subject: {token}\r\n\r\ntext\r\n")
            assert code == 250
        else:
            client.rset()
        self._note(way, token, sender, recipient, begun, is_taken=is_taken)

    def _choose(self) -> tuple[str, str, str]:
        return (
            f"message-{next(self._numbers)}",
            self.chance.choice(self.senders),
            self.chance.choice(self.recipients),
        )

    def _note(
        self, way: str, token: str, sender: str, recipient: str, begun: float, *, is_taken: bool
    ) -> None:
        self.sent.append(Sent(token, way, sender, recipient, begun, time.time(), is_taken))


def _queue(token: str, sender: str, recipient: str) -> None:
    with tempfile.TemporaryFile() as message, tempfile.TemporaryFile() as envelope:
        message.write(f"Subject: {token}\n\ntext\n".encode())
        envelope.write(f"F{sender}\0T{recipient}\0\0".encode())
        message.seek(0)
        envelope.seek(0)
        subprocess.run([HOME / "bin/qmail-queue"], stdin=message, stdout=envelope, check=True)


def _inject(token: str, sender: str, recipient: str) -> None:
    command = [f"{HOME}/bin/qmail-inject", "-a", "-f", sender, "--", recipient]
    subprocess.run(command, input=f"Subject: {token}\n\ntext\n", text=True, check=True)


@contextlib.contextmanager
def _session() -> Iterator[Smtp]:
    client = Smtp(local_hostname="outside.test")
    client.connect()
    try:
        client.helo()
        yield client
        client.quit()
    finally:
        client.close()
