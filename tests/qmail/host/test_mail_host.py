"""The real host: it does what the simulator of worlds.py does, and what only a disk can."""

from __future__ import annotations

import gc
import os
import random
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host import hup, libc
from qmailpanel.qmail.host.errors import Busy, HostError
from qmailpanel.qmail.host.home_maker import MARK
from qmailpanel.qmail.host.map_compiler import compile_map
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.plan.steps import Compile, TellSend, WriteShared
from tests.kit.disk import (
    MAIL_USER,
    cdb_lines,
    is_compiled,
    make_home,
    make_true,
    open_home,
    plan_on,
    want_on,
)
from tests.kit.random_rows import FOREIGN, rows_of_host
from tests.kit.worlds import LAYOUT, World, settle, want

ROOT = Path(__file__).parents[3]
PANDLE = DomainRows(
    domain=1,
    name="pandle.net",
    prepend=100,
    change=1,
    mailboxes=[MailboxRow(1, 1, "biliards")],
    aliases=[
        AliasRow(2, "bilardi", ("biliards@pandle.net",)),
        AliasRow(3, "jane.roe", ("one@side.test", "two@side.test")),
    ],
)
BOX = PANDLE.mailboxes[0]
NEW_USER = MailUser("mail", 8, 9)
MORE = replace(PANDLE, mailboxes=[*PANDLE.mailboxes, MailboxRow(4, 4, "ann")])
LESS = replace(PANDLE, aliases=[])
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "qmail")


# the disk and the simulator


def facts_on_disk(home: Path) -> tuple[Any, ...]:
    """The same facts as World.facts(), but for what qmail-send has read."""
    root = home / "mailnames"
    files, homes, directories = {}, {}, set()
    for domain in root.iterdir():
        if domain.name == ".archive":
            continue
        directories.add(domain.name)
        for path in domain.iterdir():
            name = f"{domain.name}/{path.name}"
            if path.is_dir():
                homes[name] = (path / ".qmail").read_bytes()
            else:
                files[name] = path.read_bytes()
    archive = root / ".archive"
    kept = {int(p.name): (p / ".qmail").read_bytes() for p in archive.glob("*")}
    shared = {s: sorted(_read(home / s).splitlines()) for s in Shared}
    return shared, directories, files, homes, kept


def facts_of(world: World) -> tuple[Any, ...]:
    homes = {path: text for path, (_, text) in world.homes.items()}
    shared = {s: sorted(_moved(text or b"").splitlines()) for s, text in world.shared.items()}
    return shared, world.directories, world.files, homes, world.archive


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _moved(content: bytes, to: str = "HOME") -> bytes:
    return content.replace(LAYOUT.qmail_home.encode(), to.encode())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(rows_of_host, min_size=1, max_size=4))
def test_a_real_directory_becomes_what_the_simulator_says(in_memory, stages) -> None:
    home = make_home(Path(tempfile.mkdtemp(dir=in_memory)) / "qmail", _foreign())
    compile_map(str(home), Shared.ASSIGN)  # as somebody did who had the host before
    host, world = open_home(home), World()
    world.shared |= _foreign()
    for rows in stages:
        assert make_true(host, rows).steps == ()
        assert settle(world, want(rows)).steps == ()
    (shared, *tree), (its_shared, *its_tree) = facts_on_disk(home), facts_of(world)
    here = str(home).encode()
    assert {s: [line.replace(here, b"HOME") for line in lines] for s, lines in shared.items()} == (
        its_shared
    )
    assert [_at(here, part) for part in tree] == [_at(b"/var/qmail", part) for part in its_tree]
    assert is_compiled(home)


def _foreign() -> dict[Shared, bytes]:
    content = {shared: b"".join(lines) for shared, lines in FOREIGN.items()}
    return content | {Shared.ASSIGN: content[Shared.ASSIGN] + b".\ndead text\n"}


def _at(home: bytes, part: object) -> object:
    """Programs are named by their path in the home."""
    if not isinstance(part, dict):
        return part
    return {name: text.replace(home, b"HOME") for name, text in part.items()}


def test_a_second_run_of_a_new_process_finds_nothing_to_do(home: Path) -> None:
    make_true(open_home(home), [PANDLE])
    again = open_home(home)
    assert plan_on(again, want_on(again, [PANDLE])).steps == ()


# owners and modes


def _mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.root
@needs_root
def test_files_and_directories_have_the_owners_and_modes_that_qmail_needs(home: Path) -> None:
    old = os.umask(0o077)
    try:
        make_true(open_home(home), [PANDLE])
    finally:
        os.umask(old)
    for shared in (Shared.ASSIGN, Shared.VIRTUAL, Shared.RCPT):
        assert (_mode(home / shared), (home / shared).stat().st_uid) == ("0o644", 0)
    assert _mode(home / "users/cdb") == "0o644"
    below = _below(home)
    for path in below:
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (MAIL_USER.uid, MAIL_USER.gid), path
        assert _mode(path) == ("0o700" if path.is_dir() else "0o600"), path
    names = {str(path.relative_to(home / "mailnames/pandle.net")) for path in below[1:]}
    maildir = {f"biliards/Maildir/{part}" for part in ("cur", "new", "tmp", "maildirsize")}
    assert names == maildir | {
        ".qmail-default",
        ".qmail-jane:roe",
        "biliards",
        "biliards/.qmail",
        "biliards/Maildir",
    }


@pytest.mark.root
@needs_root
def test_a_home_of_the_wrong_owner_is_mended_by_its_directories_only(home: Path) -> None:
    make_true(open_home(home), [PANDLE])
    box = home / "mailnames/pandle.net/biliards"
    message = box / "Maildir/new/1"
    message.write_bytes(b"kept\n")
    message.chmod(0o640)
    for path in (box, box / "Maildir/new"):
        os.chown(path, 0, 0)
        path.chmod(0o755)
    make_true(open_home(home), [PANDLE])
    assert (box.stat().st_uid, _mode(box)) == (110, "0o700")
    assert ((box / "Maildir/new").stat().st_uid, _mode(box / "Maildir/new")) == (110, "0o700")
    assert (message.stat().st_uid, _mode(message)) == (0, "0o640")


@pytest.mark.parametrize("content", [b"", bytes(11)])
def test_what_a_power_cut_leaves_of_a_new_file_counts_as_missing(home: Path, content) -> None:
    dot_qmail = home / "mailnames/pandle.net/biliards/.qmail"
    make_true(open_home(home), [PANDLE])
    wanted = dot_qmail.read_bytes()
    dot_qmail.write_bytes(content)
    done = make_true(open_home(home), [PANDLE])
    assert (done.steps, done.drifts, done.problems) == ((), {}, {})
    assert dot_qmail.read_bytes() == wanted


def test_the_mail_root_is_made_so_that_the_mail_user_can_enter(home: Path) -> None:
    (home / "mailnames").rmdir()
    old = os.umask(0o007)  # of the run script
    try:
        make_true(open_home(home), [PANDLE])
    finally:
        os.umask(old)
    assert _mode(home / "mailnames") == "0o755"


def _below(home: Path) -> list[Path]:
    """All that the panel made for pandle.net, but for marks, which are its own."""
    domain = home / "mailnames/pandle.net"
    return [domain, *(path for path in domain.rglob("*") if path.name != MARK)]


@pytest.mark.root
@needs_root
def test_another_mail_user_gets_all_that_the_panel_wrote(home: Path) -> None:
    make_true(open_home(home), [PANDLE])
    size = home / "mailnames/pandle.net/biliards/Maildir/maildirsize"
    size.write_bytes(size.read_bytes() + b"700 1\n")
    make_true(open_home(home, mail_user=NEW_USER), [PANDLE])
    for path in _below(home):
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (NEW_USER.uid, NEW_USER.gid), path
    assert size.read_bytes().endswith(b"\n700 1\n"), "the usage is kept"


@pytest.mark.root
@needs_root
def test_no_program_of_the_mail_user_can_write_the_mark_of_a_home(home: Path) -> None:
    make_true(open_home(home), [PANDLE])
    mark = home / "mailnames/pandle.net/biliards" / MARK
    assert mark.read_text() == f"{BOX.mailbox}\n"
    assert (mark.stat().st_uid, mark.stat().st_mode & 0o777) == (0, 0o600)


@pytest.mark.root
@needs_root
def test_a_restored_home_belongs_to_the_mail_user_of_now(home: Path) -> None:
    make_true(open_home(home), [PANDLE])
    make_true(
        open_home(home), [replace(PANDLE, mailboxes=[replace(BOX, removed=True)], aliases=[])]
    )
    make_true(open_home(home, mail_user=NEW_USER), [PANDLE])
    assert {path.stat().st_uid for path in _below(home)} == {NEW_USER.uid}


@pytest.mark.parametrize("mode", [0o400, 0o700, 0o602])
@pytest.mark.parametrize(
    "name", [".qmail-default", ".qmail-jane:roe", "biliards/.qmail", "biliards/Maildir/maildirsize"]
)
def test_a_file_of_a_mode_that_qmail_cannot_use_is_mended(home: Path, name: str, mode: int) -> None:
    make_true(open_home(home), [PANDLE])
    path = home / "mailnames/pandle.net" / name
    content = path.read_bytes()
    path.chmod(mode)
    make_true(open_home(home), [PANDLE])
    assert (_mode(path), path.read_bytes()) == ("0o600", content)


@pytest.mark.root
@needs_root
def test_the_archive_belongs_to_root_alone(home: Path) -> None:
    make_true(open_home(home), [PANDLE])
    gone = replace(PANDLE, mailboxes=[replace(PANDLE.mailboxes[0], removed=True)], aliases=[])
    make_true(open_home(home), [gone])
    archive = home / "mailnames/.archive"
    assert (archive.stat().st_uid, _mode(archive)) == (0, "0o700")
    assert [path.name for path in archive.iterdir()] == ["1"]


@pytest.mark.root
@needs_root
def test_without_the_right_to_change_owners_they_are_left_out(tmp_path: Path) -> None:
    """A child that is nobody, as the embedded default of an ordinary user."""
    for path in (tmp_path, *list(tmp_path.parents)[:-2]):
        path.chmod(path.stat().st_mode | 0o011)
    home = make_home(tmp_path / "qmail")
    for path in (home, *home.rglob("*")):
        os.chown(path, 65534, 65534)
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            host = open_home(home)
            done = make_true(host, [PANDLE])
            os._exit(1 if done.steps or done.problems or host.may_change_owners else 0)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    box = home / "mailnames/pandle.net/biliards"
    assert (box.stat().st_uid, _mode(box)) == (65534, "0o700")
    assert is_compiled(home)


# others at the same files


def test_a_file_changed_between_looking_and_swapping_is_put_back_and_planned_again(home) -> None:
    host = open_home(home)
    plan = plan_on(host, want_on(host, [PANDLE]))
    theirs = b"old.test\n"
    (home / Shared.RCPT).write_bytes(theirs)
    assert host.apply(plan, lambda _: None, lambda _: None).raced
    assert (home / Shared.RCPT).read_bytes() == theirs
    make_true(host, [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"old.test\npandle.net\n"


def test_a_plan_that_is_out_of_date_takes_no_line_out_even_for_a_moment(home, monkeypatch) -> None:
    host = open_home(home)
    plan = plan_on(host, want_on(host, [PANDLE]))
    (home / Shared.RCPT).write_bytes(b"old.test\n")
    swapped: list[bytes] = []
    Meanwhile(monkeypatch, home / Shared.RCPT, note_in(swapped))
    assert host.apply(plan, lambda _: None, lambda _: None).raced
    assert swapped == []


def test_a_file_that_appeared_meanwhile_is_not_overwritten(home) -> None:
    (home / Shared.VIRTUAL).unlink()
    host = open_home(home)
    plan = plan_on(host, want_on(host, [PANDLE]))
    (home / Shared.VIRTUAL).write_bytes(b"old.test:7\n")
    assert host.apply(plan, lambda _: None, lambda _: None).raced
    make_true(host, [PANDLE])
    assert (home / Shared.VIRTUAL).read_bytes() == b"old.test:7\npandle.net:100\n"


@pytest.mark.parametrize("shared", [Shared.ASSIGN, Shared.VIRTUAL, Shared.RCPT])
@pytest.mark.parametrize("runs", [1, 2])
def test_a_late_line_for_the_file_that_was_swapped_out_is_not_lost(home, shared, runs) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    with (home / shared).open("ab") as late:
        for rows in [replace(PANDLE, enabled=False), MORE][:runs]:
            make_true(host, [rows])
        before = host.stamp()
        late.write(b"late.test:7\n")
    assert host.stamp() != before
    make_true(open_home(home), [PANDLE])
    assert (home / shared).read_bytes().splitlines().count(b"late.test:7") == 1
    make_true(open_home(home), [MORE])
    make_true(open_home(home), [replace(MORE, enabled=False)])
    assert (home / shared).read_bytes().splitlines().count(b"late.test:7") == 1
    assert is_compiled(home)


ODD_ENDS = [b"note.test\r\n", b"one\rtwo.test\n", b"# \x0b \x0c \x1c \x85 \xe2\x80\xa8\n", b"\r\n"]


@pytest.mark.parametrize("line", ODD_ENDS)
@pytest.mark.parametrize("shared", [Shared.ASSIGN, Shared.RCPT])
def test_a_late_line_is_kept_byte_for_byte(home, shared, line) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    with (home / shared).open("ab") as late:
        make_true(host, [MORE])
        make_true(host, [replace(MORE, enabled=False)])
        late.write(line)
    make_true(host, [PANDLE])
    make_true(host, [MORE])
    assert (home / shared).read_bytes().split(b"\n").count(line.removesuffix(b"\n")) == 1


@pytest.mark.parametrize("line", ODD_ENDS)
def test_a_line_written_while_a_file_is_put_back_is_kept_byte_for_byte(
    home, monkeypatch, line
) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    plan = plan_on(host, want_on(host, [replace(PANDLE, enabled=False)]))
    read: list[bytes] = []
    Meanwhile(monkeypatch, home / Shared.RCPT, append(line), note_in(read))
    assert host.apply(plan, lambda _: None, lambda _: None).raced
    (home / Shared.RCPT).write_bytes(read[0])
    make_true(host, [PANDLE])
    lines = (home / Shared.RCPT).read_bytes().split(b"\n")
    assert sorted(lines) == sorted([line.removesuffix(b"\n"), b"pandle.net", b""])


def test_files_that_were_swapped_out_are_not_kept_for_long(home, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.late_lines.WRITTEN_NS", 1)
    host = open_home(home)
    for _ in range(4):
        make_true(host, [replace(PANDLE, enabled=False)])
        make_true(host, [PANDLE])
    assert len(list((home / "control").glob(".rcpthosts.*"))) <= 1
    assert not list((home / "control").glob("*-new"))


class Meanwhile:
    """Somebody who writes a file right before our swap, and after each as the list says."""

    def __init__(self, monkeypatch, path: Path, *edits) -> None:
        self.path, self.edits, self.exchange = path, list(edits), libc.exchange
        self.is_first = True
        monkeypatch.setattr(libc, "exchange", self)

    def __call__(self, directory: int, one: str, other: str) -> None:
        if other == self.path.name and self.is_first:
            self.is_first = False
            self._edit()
        self.exchange(directory, one, other)
        if other == self.path.name:
            self._edit()

    def _edit(self) -> None:
        if self.edits:
            self.edits.pop(0)(self.path)


def append(line: bytes):
    def edit(path: Path) -> None:
        with path.open("ab") as file:
            file.write(line)

    return edit


def rewrite(line: bytes):
    """As an editor does: read, write beside, rename."""

    def edit(path: Path) -> None:
        beside = path.with_suffix(".edited")
        beside.write_bytes(path.read_bytes() + line)
        beside.rename(path)

    return edit


def note_in(read: list[bytes]):
    """As an editor does that writes much later."""
    return lambda path: read.append(path.read_bytes())


@pytest.mark.parametrize("first", [append, rewrite])
@pytest.mark.parametrize("second", [append, rewrite])
@pytest.mark.parametrize("third", [append, rewrite])
def test_whoever_writes_while_a_file_is_put_back_loses_nothing(
    home, monkeypatch, first, second, third
) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    wanted = want_on(host, [replace(PANDLE, enabled=False)])
    plan = plan_on(host, wanted)
    edits = first(b"first.test\n"), second(b"second.test\n"), third(b"third.test\n")
    Meanwhile(monkeypatch, home / Shared.RCPT, *edits)
    assert host.apply(plan, lambda _: None, lambda _: None).raced
    make_true(host, [PANDLE])
    lines = (home / Shared.RCPT).read_bytes().splitlines()
    assert {b"first.test", b"second.test", b"third.test", b"pandle.net"} <= set(lines)


@pytest.mark.parametrize("first", [append, rewrite])
def test_an_editor_that_read_the_file_before_it_was_put_back_loses_nothing(
    home, monkeypatch, first
) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    plan = plan_on(host, want_on(host, [replace(PANDLE, enabled=False)]))
    read: list[bytes] = []
    Meanwhile(monkeypatch, home / Shared.RCPT, first(b"first.test\n"), note_in(read))
    assert host.apply(plan, lambda _: None, lambda _: None).raced
    assert b"first.test\n" not in read[0]
    (home / Shared.RCPT).write_bytes(read[0] + b"second.test\n")
    make_true(host, [PANDLE])
    lines = (home / Shared.RCPT).read_bytes().splitlines()
    assert sorted(lines) == [b"first.test", b"pandle.net", b"second.test"]


OTHER = DomainRows(domain=2, name="other.test", prepend=101, change=1)


def be_raced(home, monkeypatch, rows: DomainRows, edit) -> None:
    """Somebody writes rcpthosts just before it is swapped for the rows."""
    host = open_home(home)
    plan = plan_on(host, want_on(host, [rows]))
    with monkeypatch.context() as patch:
        Meanwhile(patch, home / Shared.RCPT, edit)
        assert host.apply(plan, lambda _: None, lambda _: None).raced
    make_true(host, [rows])


def test_a_line_that_was_out_for_a_moment_and_is_removed_later_stays_away(
    home, monkeypatch
) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.late_lines.LINES_KEPT_NS", 500_000_000)
    host = open_home(home)
    be_raced(home, monkeypatch, PANDLE, append(b"theirs.test\n"))
    assert (home / Shared.RCPT).read_bytes() == b"theirs.test\npandle.net\n"
    time.sleep(0.6)
    (home / Shared.RCPT).write_bytes(b"pandle.net\n")
    make_true(host, [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"pandle.net\n"


def test_a_late_line_that_was_taken_over_and_is_removed_later_stays_away(home, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.late_lines.LINES_KEPT_NS", 500_000_000)
    host = open_home(home)
    make_true(host, [PANDLE])
    with (home / Shared.RCPT).open("ab") as late:
        make_true(host, [replace(PANDLE, enabled=False)])
        late.write(b"theirs.test\n")
    make_true(host, [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"theirs.test\npandle.net\n"
    time.sleep(0.6)
    (home / Shared.RCPT).write_bytes(b"pandle.net\n")
    make_true(host, [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"pandle.net\n"


def test_a_late_line_outlives_an_editor_that_read_the_file_before_it_was_taken_over(home) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    with (home / Shared.RCPT).open("ab") as late:
        make_true(host, [replace(PANDLE, enabled=False)])
        late.write(b"late.test\n")
    read = (home / Shared.RCPT).read_bytes()
    make_true(host, [PANDLE])
    (home / Shared.RCPT).write_bytes(read + b"second.test\n")
    make_true(host, [PANDLE])
    lines = (home / Shared.RCPT).read_bytes().splitlines()
    assert sorted(lines) == [b"late.test", b"pandle.net", b"second.test"]


def test_a_clock_that_was_set_back_makes_no_kept_line_young(home, monkeypatch) -> None:
    later = time.time_ns() + 3_600_000_000_000
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: later)
        be_raced(home, patch, PANDLE, append(b"theirs.test\n"))
    (home / Shared.RCPT).write_bytes(b"pandle.net\n")
    make_true(open_home(home), [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"pandle.net\n"


def test_a_line_of_ours_that_an_editor_brought_is_not_kept_as_somebody_elses(
    home, monkeypatch
) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    (home / Shared.RCPT).write_bytes(b"")
    be_raced(home, monkeypatch, OTHER, append(b"pandle.net\nmine.test\n"))
    (home / Shared.RCPT).write_bytes(b"other.test\n")
    make_true(host, [replace(PANDLE, enabled=False)])
    assert (home / Shared.RCPT).read_bytes() == b"mine.test\nother.test\n"


def test_a_line_that_became_ours_and_went_does_not_come_back_as_somebody_elses(
    home, monkeypatch
) -> None:
    host = open_home(home)
    be_raced(home, monkeypatch, PANDLE, append(b"other.test\nmine.test\n"))
    make_true(host, [OTHER])
    make_true(host, [replace(OTHER, enabled=False)])
    make_true(host, [OTHER, PANDLE])
    make_true(host, [replace(OTHER, enabled=False)])
    make_true(host, [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"mine.test\npandle.net\n"


VPOPMAIL = """
import fcntl, os, sys, time
path, line, seconds = sys.argv[1:]
lock = open(f"{path}.lock", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
content = open(path).read()
print("locked", flush=True)
time.sleep(float(seconds))
if line:
    with open(f"{path}.{os.getpid()}", "w") as new:
        new.write(f"{line}\\n{content}")
    os.rename(new.name, path)
"""


def start_vpopmail(path: Path, line: str, seconds: float) -> subprocess.Popen[bytes]:
    """As its commands do: lock, read, write beside, rename. It has the lock by now."""
    command = [sys.executable, "-c", VPOPMAIL, str(path), line, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"locked\n"
    return process


@pytest.mark.parametrize(
    ("shared", "line"),
    [
        (Shared.RCPT, "theirs.test"),
        (Shared.VIRTUAL, "theirs.test:theirs.test"),
        (Shared.ASSIGN, "+theirs.test-:theirs.test:89:89:/home/vpopmail/domains/theirs.test:-::"),
    ],
)
def test_what_vpopmail_writes_under_its_lock_is_waited_for(home, shared, line) -> None:
    host = open_home(home)
    with start_vpopmail(home / shared, line, 0.5):
        make_true(host, [PANDLE])
    content = (home / shared).read_text().splitlines()
    assert {line, *_own_lines(host, shared)} <= set(content)


def _own_lines(host, shared: Shared) -> list[str]:
    lines = want_on(host, [PANDLE])[0].section.lines[shared].values()
    return [line.decode().rstrip("\n") for line in lines]


def test_the_map_is_not_made_while_vpopmail_writes_what_it_is_made_of(home) -> None:
    host = open_home(home)
    plan = plan_on(host, want_on(host, [PANDLE]))
    line = "+theirs.test-:theirs.test:89:89:/home/vpopmail/domains/theirs.test:-::"
    others: list[subprocess.Popen[bytes]] = []

    def report(step) -> None:
        if step == Compile(Shared.ASSIGN):
            others.append(start_vpopmail(home / Shared.ASSIGN, line, 0.3))

    host.apply(plan, report, lambda _: None)
    with others[0]:
        assert f"{line}\n".encode() in cdb_lines(home)


def test_a_lock_of_vpopmail_that_stays_held_stops_no_change(home, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.qmail.host.vpopmail_lock.LOCK_SECONDS", 0.05)
    with start_vpopmail(home / Shared.RCPT, "", 60) as hanging:
        make_true(open_home(home), [PANDLE])
        assert (home / Shared.RCPT).read_bytes() == b"pandle.net\n"
        hanging.kill()


# users/assign and users/cdb


JOE = b"=7-joe:popuser:110:31:/home/joe:::\n"


@pytest.mark.parametrize("broken", [None, b"", JOE, b"nonsense\n.\n", b"=100-biliards:po"])
def test_foreign_assignments_outlive_a_missing_or_broken_file(tmp_path, broken) -> None:
    home = make_home(tmp_path / "qmail", {Shared.ASSIGN: JOE + b".\n"})
    make_true(open_home(home), [PANDLE])
    _break(home / Shared.ASSIGN, broken)
    make_true(open_home(home), [PANDLE])
    lines = (home / Shared.ASSIGN).read_bytes().splitlines(keepends=True)
    assert lines.count(JOE) == 1
    assert any(line.startswith(b"=100-biliards:") for line in lines)
    assert is_compiled(home)


@pytest.mark.parametrize("reopened", [True, False])
def test_a_foreign_assignment_written_after_the_last_compile_is_compiled(home, reopened) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    (home / Shared.ASSIGN).write_bytes(JOE + (home / Shared.ASSIGN).read_bytes())
    make_true(open_home(home) if reopened else host, [PANDLE])
    assert JOE in cdb_lines(home)
    assert is_compiled(home)


def test_without_a_memory_foreign_assignments_come_from_the_live_map(tmp_path) -> None:
    home = make_home(tmp_path / "qmail", {Shared.ASSIGN: JOE + b"+w-:alias:7:7:/w:-::\n.\n"})
    make_true(open_home(home), [PANDLE])
    _break(home / Shared.ASSIGN, None)
    for path in (home / "memory").iterdir():
        path.unlink()
    assert make_true(open_home(home), [PANDLE]).problems == {}
    records = (home / Shared.ASSIGN).read_bytes().splitlines(keepends=True)
    assert {JOE, b"+w-:alias:7:7:/w:-::\n"} < set(records)
    assert len(records) == len(set(records))
    assert is_compiled(home)


def _break(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def test_an_empty_map_on_a_host_with_foreign_lines_never_loses_them(tmp_path) -> None:
    home = make_home(tmp_path / "qmail", {Shared.ASSIGN: JOE + b".\n"})
    make_true(open_home(home), [PANDLE])
    (home / Shared.ASSIGN).write_bytes(b"")
    make_true(open_home(home), [PANDLE])
    assert JOE in (home / Shared.ASSIGN).read_bytes()
    assert JOE in cdb_lines(home)
    assert is_compiled(home)


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"\0" * 4096])
def test_a_missing_or_damaged_map_is_made_again(home, content) -> None:
    make_true(open_home(home), [PANDLE])
    _break(home / "users/cdb", content)
    host = open_home(home)
    assert make_true(host, [PANDLE]).steps == ()
    assert is_compiled(home)


def test_a_fifo_in_place_of_the_map_is_not_waited_for(home) -> None:
    make_true(open_home(home), [PANDLE])
    (home / "users/cdb").unlink()
    os.mkfifo(home / "users/cdb")
    assert make_true(open_home(home), [PANDLE]).steps == ()
    assert is_compiled(home)


def test_a_fifo_in_place_of_locals_is_named_and_not_waited_for(home) -> None:
    os.mkfifo(home / "control/locals")
    with pytest.raises(HostError) as caught:
        make_true(open_home(home), [PANDLE])
    assert caught.value.text == "control/locals cannot be read."


def test_a_missing_map_is_made_again_though_no_domain_is_asked_about(home) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    before = host.stamp()
    (home / "users/cdb").unlink()
    assert host.stamp() != before
    make_true(host, [])
    assert is_compiled(home)


def test_a_left_over_of_a_killed_compile_is_no_obstacle(home) -> None:
    (home / "users/cdb.tmp").write_bytes(b"half")
    make_true(open_home(home), [PANDLE])
    assert is_compiled(home)
    assert not (home / "users/cdb.tmp").exists()


def test_a_directory_in_the_way_of_the_compile_is_named_and_gone_again_all_is_well(home) -> None:
    (home / "users/cdb.tmp").mkdir()
    host = open_home(home)
    with pytest.raises(HostError) as caught:
        make_true(host, [PANDLE])
    assert "cdb.tmp" in caught.value.cause
    assert (home / Shared.RCPT).read_bytes() == b""
    (home / "users/cdb.tmp").rmdir()
    assert make_true(host, [PANDLE]).steps == ()
    assert (home / Shared.RCPT).read_bytes() == b"pandle.net\n"


def test_a_symbolic_link_in_the_way_of_the_compile_is_not_followed(home, tmp_path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    (home / "users/cdb.tmp").symlink_to(victim)
    make_true(open_home(home), [PANDLE])
    assert victim.read_bytes() == b"kept"
    assert not (home / "users/cdb").is_symlink()


@pytest.mark.parametrize("shared", [Shared.ASSIGN, Shared.VIRTUAL, Shared.RCPT])
@pytest.mark.parametrize("obstacle", ["directory", "symlink", "fifo"])
def test_something_else_in_place_of_a_shared_file_is_named_and_not_touched(
    home, tmp_path, shared, obstacle
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"kept\n")
    (home / shared).unlink()
    place = {"directory": Path.mkdir, "symlink": lambda path: path.symlink_to(outside)}
    place.get(obstacle, os.mkfifo)(home / shared)
    host = open_home(home)
    for _ in range(2):
        with pytest.raises(HostError) as caught:
            make_true(host, [PANDLE])
        assert shared in caught.value.text
    assert outside.read_bytes() == b"kept\n"
    (home / shared).rmdir() if obstacle == "directory" else (home / shared).unlink()
    (home / shared).write_bytes(b".\n" if shared is Shared.ASSIGN else b"")
    assert make_true(host, [PANDLE]).steps == ()
    assert is_compiled(home)


def test_failing_to_read_leaves_no_descriptor_open(home) -> None:
    (home / Shared.RCPT).unlink()
    (home / Shared.RCPT).mkdir()
    host, counts = open_home(home), []
    for _ in range(5):
        with pytest.raises(HostError):
            make_true(host, [PANDLE])
        gc.collect()
        counts.append(len(os.listdir("/proc/self/fd")))
    assert counts[-1] == counts[0]


# one writer


def test_a_second_process_is_told_that_another_one_is_at_work(home) -> None:
    lock = (
        "import sys; from qmailpanel.qmail.host.errors import Busy; "
        "from qmailpanel.qmail.host.shared_file import hold_lock\n"
        "try:\n with hold_lock(sys.argv[1]): print('free')\n"
        "except Busy: print('busy')"
    )

    def ask() -> str:
        command = [sys.executable, "-c", lock, str(home)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    host = open_home(home)
    with host.lock():
        assert ask() == "busy"
        with pytest.raises(Busy), host.lock():
            pass
    assert ask() == "free"


def test_trouble_while_the_lock_is_held_is_not_mistaken_for_a_second_process(home) -> None:
    with pytest.raises(BlockingIOError), open_home(home).lock():
        raise BlockingIOError


def test_a_missing_qmail_home_is_named(tmp_path) -> None:
    host = open_home(tmp_path / "nowhere")
    with pytest.raises(HostError) as caught:
        make_true(host, [PANDLE])
    assert str(tmp_path / "nowhere") in caught.value.cause


# qmail-send


def test_rcpthosts_does_not_grow_before_qmail_send_has_read_virtualdomains(
    home, monkeypatch
) -> None:
    monkeypatch.setattr(hup, "HUP_SECONDS", 0.05)
    with pytest.raises(HostError):
        make_true(open_home(home, hup="true"), [PANDLE])
    assert (home / Shared.VIRTUAL).read_bytes() == b"pandle.net:100\n"
    assert (home / Shared.RCPT).read_bytes() == b""
    host = open_home(home, hup=f"cat {home}/{Shared.VIRTUAL}")
    steps = plan_on(host, want_on(host, [PANDLE])).steps
    assert [type(step) for step in steps] == [TellSend, WriteShared]
    make_true(host, [PANDLE])
    assert (home / Shared.RCPT).read_bytes() == b"pandle.net\n"
    assert not host.memory.hup_owed


def test_a_hup_is_owed_when_the_command_fails(home) -> None:
    host = open_home(home, hup="false")
    with pytest.raises(HostError) as caught:
        make_true(host, [PANDLE])
    assert "HUP" in caught.value.cause
    assert host.memory.hup_owed


# the mail root


def test_numbers_that_only_look_like_a_prepend_are_not_taken_for_one(home) -> None:
    for name in ("7", "²", "99999999999999999999", "x"):
        (home / "mailnames" / name).mkdir()
    assert open_home(home).numbered_directories() == {7}


def test_one_home_that_cannot_be_made_leaves_the_others_alone(home) -> None:
    (home / "mailnames/pandle.net").mkdir()
    (home / "mailnames/pandle.net/ann").write_bytes(b"a file\n")
    done = make_true(open_home(home), [MORE])
    assert {problem.address for problem in done.problems["pandle.net"]} == {4}
    lines = b"".join(cdb_lines(home))
    assert b"=100-biliards:" in lines
    assert b"=100-ann:" not in lines


def test_an_interrupted_run_is_finished_by_the_next_one(in_memory) -> None:
    """Cut at random steps, a new process each time."""
    home = make_home(in_memory / "qmail")
    chance = random.Random(4)
    for _ in range(15):
        host = open_home(home)
        rows = [chance.choice([PANDLE, MORE, LESS, replace(PANDLE, enabled=False)])]
        plan = plan_on(host, want_on(host, rows))
        host.memory.intend(plan.after)
        cut = replace(plan, steps=plan.steps[: chance.randint(0, len(plan.steps))])
        host.apply(cut, lambda _: None, lambda _: None)
        host.memory.close()
        last = open_home(home)
        after = make_true(last, [PANDLE])
        assert (after.steps, after.problems, after.drifts) == ((), {}, {})
        assert is_compiled(home)
        last.memory.close()


def test_the_map_is_compiled_from_the_file_as_it_is_then(home) -> None:
    host = open_home(home)
    plan = plan_on(host, want_on(host, [PANDLE]))

    def note(step) -> None:
        if isinstance(step, Compile):
            (home / Shared.ASSIGN).write_bytes(JOE + (home / Shared.ASSIGN).read_bytes())

    host.apply(plan, note, lambda _: None)
    assert JOE in cdb_lines(home)


def test_what_is_removed_is_gone_for_good_before_it_is_forgotten(home, monkeypatch) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    name, syncfs, synced = "pandle.net/.qmail-jane:roe", libc.syncfs, []

    def note(fd: int) -> None:
        known = host.memory.sections(["pandle.net"])["pandle.net"]
        is_known = any(name in section.files for section in known)
        synced.append(((home / "mailnames" / name).exists(), is_known))
        syncfs(fd)

    monkeypatch.setattr(libc, "syncfs", note)
    make_true(host, [LESS])
    assert synced == [(False, True)]


def test_what_a_killed_write_left_behind_does_not_keep_a_directory(home) -> None:
    make_true(open_home(home), [PANDLE])
    (home / "mailnames/pandle.net/.qmailpanel-new").write_bytes(b"half")
    make_true(open_home(home), [replace(PANDLE, removed=True)])
    assert [path.name for path in (home / "mailnames").iterdir()] == [".archive"]


def test_a_damaged_memory_is_named(home) -> None:
    make_true(open_home(home), [PANDLE])
    for path in (home / "memory").iterdir():
        path.write_bytes(b"garbage" * 1000)
    with pytest.raises(HostError) as caught:
        make_true(open_home(home), [PANDLE])
    assert "applied.sqlite3" in caught.value.cause


def test_a_file_that_could_not_be_written_is_not_taken_for_somebody_elses_work(home) -> None:
    host = open_home(home)
    make_true(host, [PANDLE])
    obstacle = home / "mailnames/pandle.net/.qmailpanel-new"
    obstacle.mkdir()
    other = replace(PANDLE.aliases[1], destinations=("three@side.test",))
    changed = replace(PANDLE, aliases=[other], mailboxes=[replace(BOX, enabled=False)])
    assert {problem.address for problem in make_true(host, [changed]).problems["pandle.net"]} == {3}
    obstacle.rmdir()
    done = make_true(host, [changed])
    assert (done.problems, done.drifts) == ({}, {})
    assert (home / "mailnames/pandle.net/.qmail-jane:roe").read_bytes() == b"&three@side.test\n"
