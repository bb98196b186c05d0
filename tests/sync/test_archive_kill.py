"""SIGKILL in the middle of removing, restoring and purging: no mail is lost, none comes again."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from tests.kit.disk import make_home, make_true, open_home
from tests.kit.mounts import may_mount, mounted

KILLS = max(20, int(os.environ.get("TEST_KILLS") or 300) // 8)
LONGEST = 0.03
PANDLE = DomainRows(domain=1, name="pandle.net", prepend=100, change=1)
MAILS = 300


def rows(number: int, state: str) -> DomainRows:
    """ann, who is mailbox `number`, live, removed or purged; those before her are purged or not."""
    box = MailboxRow(number, number, "ann", removed=state != "live")
    purged = {number: number} if state == "purged" else {}
    return replace(PANDLE, mailboxes=[box], purged=purged)


@pytest.mark.kill
def test_killed_while_a_mailbox_goes_comes_back_or_is_purged(in_memory: Path, chance) -> None:
    kill_often(make_home(in_memory / "qmail"), chance)


@pytest.mark.kill
@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
def test_killed_where_a_domain_is_on_a_file_system_of_its_own(in_memory: Path, chance) -> None:
    home = make_home(in_memory / "qmail")
    with mounted(home / "mailnames/pandle.net"):
        kill_often(home, chance)
        assert list((home / "mailnames/pandle.net/.archive").iterdir())


def kill_often(home: Path, chance: random.Random) -> None:
    kept = set[str]()
    for number in range(1, KILLS + 1):
        converge(home, rows(number, "live"))
        mine = deliver(home, number)
        is_purged = chance.random() < 0.6
        states = ["removed", "purged"] if is_purged else ["removed", "live"]
        run_and_kill(home, number, states, chance.uniform(0, LONGEST))
        if is_purged:
            converge(home, rows(number, "purged"))
        else:
            kept |= mine
            converge(home, rows(number, chance.choice(["removed", "live"])))
            converge(home, rows(number, "removed"))
        assert mails(home) == kept
        assert not list((home / "mailnames").rglob(".purging-*"))


def deliver(home: Path, number: int) -> set[str]:
    maildir = home / "mailnames/pandle.net/ann/Maildir"
    (maildir / ".Sub/cur/deep").mkdir(parents=True)
    places = (maildir / "new", maildir / ".Sub/cur", maildir / ".Sub/cur/deep")
    found = {f"{number}-{mail}.mail": places[mail % 3] for mail in range(MAILS)}
    for name, place in found.items():
        (place / name).touch()
    return set(found)


def mails(home: Path) -> set[str]:
    """All there are; each is in one place only."""
    found = [path.name for path in (home / "mailnames").rglob("*.mail")]
    assert len(found) == len(set(found))
    return set(found)


def run_and_kill(home: Path, number: int, states: list[str], seconds: float) -> None:
    """The first state, then the second; back and forth where mail is kept."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            host = open_home(home)
            turns = states if "purged" in states else cycle(states)
            for state in turns:
                make_true(host, [rows(number, state)])
            time.sleep(10)
        os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def converge(home: Path, wanted: DomainRows) -> None:
    host = open_home(home)
    done = make_true(host, [wanted])
    assert (done.steps, done.drifts, done.problems) == ((), {}, {})
    host.memory.close()
