"""Somebody edits the shared files while changes stream in: no line of either side is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from tests.kit.disk import is_compiled, make_home, make_true, open_home, want_on

SECONDS = 8.0
BOXES = [MailboxRow(at, at, f"box{at}") for at in range(8)]
PANDLE = DomainRows(
    domain=1,
    name="pandle.net",
    prepend=100,
    change=1,
    mailboxes=BOXES,
    aliases=[AliasRow(9, "info", ("box1@pandle.net",))],
)


def test_no_line_is_lost_while_an_editor_and_the_panel_write_the_same_files(
    in_memory, chance
) -> None:
    home = make_home(in_memory / "qmail")
    editor = start_editor(home, in_memory / "journal", random.Random(chance.random()))
    runs, until = 0, time.monotonic() + SECONDS
    try:
        host = open_home(home)
        while time.monotonic() < until:
            make_true(host, random_rows(chance))
            runs += 1
    finally:
        os.kill(editor, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(editor, 0)[1]) == 0
    done = make_true(open_home(home), [PANDLE])
    assert (done.steps, done.drifts, done.problems) == ((), {}, {})
    written = (in_memory / "journal").read_bytes().splitlines(keepends=True)
    assert runs > 20
    assert len(written) > 100
    for shared in (Shared.ASSIGN, Shared.VIRTUAL, Shared.RCPT):
        lines = (home / shared).read_bytes().splitlines(keepends=True)
        theirs = {line.partition(b" ")[2] for line in written if line.startswith(shared.encode())}
        ours = want_on(host, [PANDLE])[0].section.lines[shared].values()
        assert theirs - set(lines) == set()
        assert set(ours) - set(lines) == set()
    assert is_compiled(home)


def random_rows(chance: random.Random) -> list[DomainRows]:
    """Mailboxes and texts come and go; the other domain does as a whole."""
    boxes = [replace(box, removed=chance.random() < 0.3) for box in BOXES]
    unknown = chance.choice(["bounce", "discard"])
    enabled = chance.random() < 0.7
    return [replace(PANDLE, mailboxes=boxes, unknown=unknown, enabled=enabled)]


def start_editor(home: Path, journal: Path, chance: random.Random) -> int:
    """One editor in a process of its own, until TERM; `journal` says what it wrote where."""
    child = os.fork()
    if child:
        return child
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    with suppress(BaseException):
        with journal.open("wb", buffering=0) as written:
            number = 0
            while not stop:
                number += 1
                shared = chance.choice([Shared.ASSIGN, Shared.VIRTUAL, Shared.RCPT])
                edit = chance.choice([append, rewrite])
                line = _line(shared, number)
                edit(home / shared, line)
                written.write(shared.encode() + b" " + line)
                time.sleep(chance.choice([0, 0.002, 0.01]))
        os._exit(0)
    os._exit(1)


def _line(shared: Shared, number: int) -> bytes:
    if shared is Shared.ASSIGN:
        return f"=7-e{number}:joe:7:7:/home/joe:::\n".encode()
    return f"e{number}.test{':7' if shared is Shared.VIRTUAL else ''}\n".encode()


def append(path: Path, line: bytes) -> None:
    """As `echo >>` does; in users/assign it is dead text behind the end, and kept as such."""
    with path.open("ab", buffering=0) as file:
        file.write(line)


def rewrite(path: Path, line: bytes) -> None:
    """As an editor does: read, write beside, rename."""
    beside = path.with_name(".swp")
    beside.write_bytes(line + path.read_bytes())
    beside.rename(path)


def test_a_record_appended_behind_the_end_is_dead_text_and_kept(in_memory) -> None:
    home = make_home(in_memory / "qmail")
    host = open_home(home)
    make_true(host, [PANDLE])
    line = _line(Shared.ASSIGN, 1)
    append(home / Shared.ASSIGN, line)
    make_true(host, [replace(PANDLE, mailboxes=BOXES[:2])])
    records, dead = assign.cut((home / Shared.ASSIGN).read_bytes())
    assert line not in records
    assert dead == line


def test_a_line_that_is_no_record_is_kept_once_however_often_it_is_written(in_memory) -> None:
    home = make_home(in_memory / "qmail")
    host = open_home(home)
    make_true(host, [PANDLE])
    for _ in range(3):
        rewrite(home / Shared.ASSIGN, b"# by hand\n")
        make_true(host, [PANDLE])
    assert assign.cut((home / Shared.ASSIGN).read_bytes())[1] == b"# by hand\n"


def test_dead_text_stays_dead_when_another_line_is_no_record(in_memory) -> None:
    home = make_home(in_memory / "qmail")
    host = open_home(home)
    make_true(host, [PANDLE])
    line = _line(Shared.ASSIGN, 1)
    append(home / Shared.ASSIGN, line)
    rewrite(home / Shared.ASSIGN, b"# by hand\n")
    make_true(host, [PANDLE])
    records, dead = assign.cut((home / Shared.ASSIGN).read_bytes())
    assert line not in records
    assert dead == b"# by hand\n" + line
