from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from tests.qmail.disk import make_home
from tests.sync.panels import Panel


@pytest.fixture
def chance() -> random.Random:
    """What is random can be had again: pytest shows the seed of a test that failed."""
    seed = int(os.environ.get("TEST_SEED") or random.randrange(2**32))
    sys.stdout.write(f"TEST_SEED={seed}\n")
    return random.Random(seed)


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is such a thing: thousands of fsyncs cost nothing there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    path = Path(tempfile.mkdtemp(prefix="qmailpanel-tests-", dir=memory))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def panel(transactional_db: None, settings: Any, in_memory: Path) -> Panel:
    """A panel on an embedded qmail home with one foreign domain."""
    home = make_home(
        in_memory / "qmail",
        {
            Shared.ASSIGN: b"=7-joe:joe:7:7:/home/joe:::\n.\n",
            Shared.VIRTUAL: b"old.test:7\n",
            Shared.RCPT: b"old.test\n",
        },
    )
    settings.QMAILPANEL_QMAIL_HOME = home
    settings.QMAILPANEL_MAIL_ROOT = home / "mailnames"
    settings.QMAILPANEL_SYNC_DIR = home / "memory"
    settings.QMAILPANEL_LOGIN_DIR = home / "logins"
    settings.QMAILPANEL_FIFO = in_memory / "sync.fifo"
    settings.QMAILPANEL_HUP = "none"
    return Panel(home)
