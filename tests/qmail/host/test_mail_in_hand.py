"""How long is waited for mail that qmail has in hand."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from qmailpanel.qmail.host.mail_in_hand import let_it_be_done

LONG = 6.0


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    for name in ("todo", "local/1", "local/2"):
        (tmp_path / "queue" / name).mkdir(parents=True)
    return tmp_path / "queue"


def seconds_for(queue: Path, most: float) -> float:
    begun = time.monotonic()
    let_it_be_done(str(queue.parent), most)
    return time.monotonic() - begun


@pytest.mark.parametrize("taken", ["todo/23", "todo/0/23"])
def test_a_message_is_waited_for_and_what_it_is_forwarded_as(queue, taken) -> None:
    first, here, second = queue / taken, queue / "local/1/23", queue / "local/2/24"
    first.parent.mkdir(exist_ok=True)
    first.touch()

    def go_on() -> None:
        for new, old in ((here, first), (second, here), (None, second)):
            time.sleep(0.15)
            if new:
                new.touch()
            old.unlink()

    qmail = threading.Thread(target=go_on)
    qmail.start()
    seconds = seconds_for(queue, LONG)
    assert not any(path.exists() for path in (first, here, second))
    assert seconds < LONG / 2
    qmail.join()


def test_nothing_is_waited_for_where_no_mail_came_a_moment_ago(queue) -> None:
    deferred = queue / "local/1/23"
    deferred.touch()
    os.utime(deferred, (time.time() - LONG - 1,) * 2)
    assert seconds_for(queue, LONG) < LONG / 2


def test_the_wait_has_an_end(queue) -> None:
    (queue / "local/1/23").touch()
    assert seconds_for(queue, 0.2) < LONG / 2
