"""The panel's own mail by the host's sendmail program."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from django.core.mail import EmailMessage


@pytest.fixture
def program(tmp_path, settings):
    """A sendmail that writes down what it was told, and answers what a test says."""
    path = tmp_path / "sendmail"
    path.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/args\ncat > {tmp_path}/mail\nexit 0\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    settings.EMAIL_BACKEND = "qmailpanel.accounts.sendmail.EmailBackend"
    settings.EMAIL_SENDMAIL = str(path)
    return path


def send(to: str = "ann@example.org") -> int:
    return EmailMessage("Hallo", "Zeile\n", "panel@example.org", [to]).send()


def test_a_mail_goes_to_the_program_with_its_sender_and_recipients(program, tmp_path):
    assert send() == 1
    assert (tmp_path / "args").read_text() == "-i -f panel@example.org -- ann@example.org\n"
    text = (tmp_path / "mail").read_bytes()
    assert b"Subject: Hallo\n" in text
    assert b"\r" not in text


def test_an_address_is_never_taken_for_an_option(program, tmp_path):
    send("-oQ/tmp@example.org")
    assert (tmp_path / "args").read_text().endswith("-- -oQ/tmp@example.org\n")


def test_a_program_that_fails_or_is_missing_is_an_error(program):
    program.write_text("#!/bin/sh\nexit 75\n")
    with pytest.raises(OSError, match="exit 75"):
        send()
    program.unlink()
    with pytest.raises(FileNotFoundError):
        send()


SEND = """
import django
django.setup()
from django.core.mail import EmailMessage
EmailMessage("Hallo", "Zeile", "panel@example.org", ["ann@example.org"]).send()
"""


def test_nothing_is_handed_over_where_no_privileges_can_be_gained(program, tmp_path):
    environ = os.environ | {"EMAIL_URL": f"sendmail://{program}"}
    command = ["setpriv", "--no-new-privs", sys.executable, "-c", SEND]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "this process may gain no privileges" in done.stderr
    assert not (tmp_path / "args").exists()
