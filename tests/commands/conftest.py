"""Plesk's commands as a shell runs them."""

from __future__ import annotations

import shlex

import pytest
from django.core.management import load_command_class

STRONG = "wide-orchid-7-lantern"


@pytest.fixture
def run(db, capsys, monkeypatch):
    """Run a line of the shell after `./manage.py`; exit status, standard output and error."""
    monkeypatch.delenv("PSA_PASSWORD", raising=False)

    def run(line):
        words = shlex.split(line)
        code: str | int | None = 0
        try:
            load_command_class("qmailpanel.commands", words[0]).run_from_argv(["manage.py", *words])
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def mailbox(domain, run):
    run(f"mail -c biliards@pandle.net -passwd {STRONG}")
    return domain.addresses.get(local="biliards")
