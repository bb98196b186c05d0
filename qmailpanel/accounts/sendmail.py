"""The panel's own mail by the host's sendmail program: EMAIL_URL=sendmail:///usr/sbin/sendmail."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

SECONDS = 30
NO_PRIVILEGES = (
    "sendmail cannot put mail into the queue from here: this process may gain no privileges "
    "(NoNewPrivileges); say EMAIL_URL=smtp://localhost:25"
)


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many were taken. Raises OSError where the program takes one not, or may lose it."""
        if _may_gain_no_privileges():
            raise OSError(NO_PRIVILEGES)
        return sum(self._send(message) for message in email_messages if message.recipients())

    def _send(self, message: EmailMessage) -> int:
        sender = message.from_email or settings.DEFAULT_FROM_EMAIL
        command = [settings.EMAIL_SENDMAIL, "-i", "-f", sender, "--", *message.recipients()]
        text = message.message().as_bytes()
        try:
            done = subprocess.run(command, input=text, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise OSError(f"{command[0]} takes too long") from error
        if done.returncode:
            raise OSError(f"{command[0]}: exit {done.returncode}")
        return 1


def _may_gain_no_privileges() -> bool:
    """Below root qmail's sendmail then ends well, and the message waits for ever. See prctl(2)."""
    return "\nNoNewPrivs:\t1\n" in Path("/proc/self/status").read_text()
