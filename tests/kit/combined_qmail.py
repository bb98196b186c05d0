"""The qmail-smtpd of a qmail with the combined patch, in a home of its own beside /var/qmail.

That patch brings SMTP AUTH, and a list of known recipients of its own. TEST_COMBINED_QMAIL names
the home that was compiled in, as /var/qmail-combined; a copy stands in its place in a test.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.kit.real_qmail import SMTPD_ENVIRONMENT, Smtp

COMBINED = Path(os.environ.get("TEST_COMBINED_QMAIL", "/nowhere"))
needs_combined = [
    pytest.mark.combined,
    pytest.mark.root,
    pytest.mark.skipif(
        not (COMBINED / "bin/qmail-newmvrt").exists() or os.geteuid() != 0,
        reason="TEST_COMBINED_QMAIL names no home of a qmail with the combined patch, or not root",
    ),
]


class CombinedSmtp(Smtp):
    """A conversation with it. `command`: what starts it, with the helper it asks behind it."""

    def __init__(self, *command: str) -> None:
        self.command = [*command]
        super().__init__(local_hostname="outside.test")
        self.connect()

    def start_smtpd(self, fd: int) -> subprocess.Popen[bytes]:
        auth = {"SMTPAUTH": "", "FORCETLS": "0"}
        environment = SMTPD_ENVIRONMENT | auth
        return subprocess.Popen(self.command, stdin=fd, stdout=fd, env=environment, cwd="/")
