"""A disk that fills up, step by step, in a mount namespace of its own: run by test_full_disk.py.

python -m tests.kit.full_disk DIRECTORY users|control|memory|mailnames|homes
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from tests.kit.disk import cdb_lines, is_compiled, make_home, make_true, open_home

PAGE = 4096
STEPS = {"mailnames": 9, "homes": 31}  # many files: not every size is tried there
FOREIGN = {
    Shared.ASSIGN: b"=7-joe:joe:7:7:/home/joe:::\n.\n",
    Shared.VIRTUAL: b"old.test:7\n",
    Shared.RCPT: b"old.test\n",
}
BEFORE = DomainRows(
    domain=1,
    name="pandle.net",
    prepend=100,
    change=1,
    mailboxes=[MailboxRow(1, 1, "ann")],
    aliases=[AliasRow(2, "info", ("one@side.test",))],
)
AFTER = replace(
    BEFORE,
    mailboxes=[MailboxRow(at, at, f"box{at}") for at in range(10, 50)] + list(BEFORE.mailboxes),
    aliases=[AliasRow(2, "info", tuple(f"some.body.{n}@side.test" for n in range(300)))],
)
OTHERS = [
    DomainRows(domain=at, name=f"a-long-name-of-a-domain-{at}.test", prepend=100 + at, change=1)
    for at in range(2, 150)
]


def try_every_size(where: str, home: Path) -> Iterator[str]:
    """Room for nothing, one page, two, … until all goes well; what was said each time."""
    for room in range(0, 500, STEPS.get(where, 1)):
        said = try_one(where, home / str(room), room)
        yield said
        if not said:
            return
    raise AssertionError("it never fits")


def try_one(where: str, home: Path, room: int) -> str:
    make_home(home, FOREIGN)
    (home / "memory").mkdir()
    mount(home / where.replace("homes", "mailnames"))
    restore_files(home)
    host = open_home(home)
    assert make_true(host, [BEFORE]).problems == {}
    (home / "mailnames/pandle.net/ann/Maildir/new/1").write_bytes(b"kept\n")
    rows = [AFTER, *OTHERS] if where in ("control", "memory") else [AFTER]
    fill(home / where.replace("homes", "mailnames"), room, inodes=where == "homes")
    said = run(host, rows)
    check_nothing_is_lost(home)
    make_room(home / where.replace("homes", "mailnames"))
    done = make_true(host, rows)
    assert (done.steps, done.problems, done.drifts) == ((), {}, {}), (room, done)
    check_nothing_is_lost(home)
    assert is_compiled(home)
    assert len(cdb_lines(home)) == 1 + 1 + 41 + (len(OTHERS) if len(rows) > 1 else 0)
    host.memory.close()
    subprocess.run(["umount", home / where.replace("homes", "mailnames")], check=True)
    return said


def run(host, rows) -> str:
    try:
        done = make_true(host, rows)
    except HostError as error:
        return f"{error.text} {error.cause}"
    return " ".join({problem.cause for found in done.problems.values() for problem in found})


def mount(path: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(path)]
    subprocess.run(command, check=True)


def restore_files(home: Path) -> None:
    """The mount hides what was below it."""
    for shared, content in FOREIGN.items():
        (home / shared).write_bytes(content)


def fill(path: Path, room: int, *, inodes: bool) -> None:
    """Leave so many pages, or so many files."""
    if inodes:
        used = os.statvfs(path).f_files - os.statvfs(path).f_ffree
        remount = f"remount,nr_inodes={used + room}"
        subprocess.run(["mount", "-o", remount, str(path)], check=True)
        return
    with (path / "filler").open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(b"x" * PAGE)
        file.truncate(max(0, file.tell() - room * PAGE))


def make_room(path: Path) -> None:
    (path / "filler").unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,nr_inodes=0", str(path)], check=True)


def check_nothing_is_lost(home: Path) -> None:
    records, _ = assign.cut((home / Shared.ASSIGN).read_bytes())
    assert FOREIGN[Shared.ASSIGN].splitlines(keepends=True)[0] in records
    assert b"=7-joe:joe:7:7:/home/joe:::\n" in cdb_lines(home)
    assert any(line.startswith(b"=100-ann:") for line in cdb_lines(home))
    for shared in (Shared.VIRTUAL, Shared.RCPT):
        lines = (home / shared).read_bytes().splitlines(keepends=True)
        assert FOREIGN[shared] in lines
        assert all(line.endswith(b"\n") for line in lines)
    assert b"pandle.net:100\n" in (home / Shared.VIRTUAL).read_bytes()
    assert (home / "mailnames/pandle.net/ann/Maildir/new/1").read_bytes() == b"kept\n"
    info = (home / "mailnames/pandle.net/.qmail-info").read_bytes()
    assert info.count(b"\n") in (1, 300)
    assert info.endswith(b"@side.test\n")


if __name__ == "__main__":
    for said in try_every_size(sys.argv[2], Path(sys.argv[1])):
        sys.stdout.write(f"{said}\n")
