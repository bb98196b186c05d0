"""Traps of modes, programs and processes: where the users of qmail are needed, as plain data."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import shutil
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.qmail.doctor import (
    Finding,
    Severity,
    Trap,
    examine_home,
    examine_shared,
    gather,
    shorten,
)
from qmailpanel.qmail.doctor.accounts import OTHER_UID, examine_accounts
from qmailpanel.qmail.doctor.assigned_homes import AssignedHome, ExaminedHome
from qmailpanel.qmail.doctor.examined import ExaminedHost, File, KeptLog, Reader, Sender, Server
from qmailpanel.qmail.doctor.login_files import examine_logins
from qmailpanel.qmail.doctor.own_names import TO_ITSELF
from qmailpanel.qmail.doctor.servers import RELAYS_AT_START
from qmailpanel.qmail.formats.cdb import compile_records
from qmailpanel.qmail.formats.logins import LoginFormat
from qmailpanel.qmail.host import mounts
from qmailpanel.qmail.host.examine_homes import read_home
from qmailpanel.qmail.host.examine_logins import read_logins, reader_of_lines, reader_of_maps
from qmailpanel.qmail.host.examine_logs import read_logs
from qmailpanel.qmail.host.examine_machine import find_addresses
from qmailpanel.qmail.host.examine_servers import (
    RULES,
    find_foreign_sendmails,
    is_sending,
    read_servers,
)
from qmailpanel.qmail.host.examine_shared import examine_shared_of, read_shared
from qmailpanel.qmail.host.walk import Walk
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.pause import finish
from tests.kit.disk import MAIL_USER
from tests.kit.mounts import may_mount, mounted
from tests.kit.real_qmail import wait_for
from tests.kit.sick import ASSIGN, FILES, assign, look, make_directory, make_healthy

PLAIN, DIRECTORY = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
READERS = (
    Reader("qmaild", "qmail-smtpd", 64011, 65534),
    Reader("qmails", "qmail-send", 64012, 64010),
    Reader("qmailr", "qmail-remote", 64013, 64010),
    Reader("alias", "qmail-local", 64014, 65534),
)
ALIAS = {
    f".qmail-{name}": File(PLAIN, 0, 0, content=b"&joe\n")
    for name in ("postmaster", "mailer-daemon", "root")
}
SEEN = ExaminedHost(
    home="/var/qmail",
    files={
        **{name: File(PLAIN, 0, 0, content=content) for name, content in FILES.items()},
        **{name: File(DIRECTORY, 0, 0) for name in (".", "control", "users", "alias")},
    },
    alias=ALIAS,
    readers=READERS,
    programs={
        "bin/qmail-queue": File(stat.S_IFREG | 0o4711, 64015, 64010),
        "queue/lock/trigger": File(stat.S_IFIFO | 0o622, 64012, 64010),
    },
    senders=(Sender("/var/qmail/bin:/bin"),),
    is_account=lambda name: name == "100",
    mentions=frozenset(),
)  # fmt: skip


def may_be_dovecot() -> bool:
    return os.geteuid() == 0 and any(user.pw_name == "dovecot" for user in pwd.getpwall())


def examine(host: ExaminedHost) -> list[Finding]:
    return [finding for finding in examine_shared(host, lambda _word: True) if finding]


def with_file(name: str, file: File) -> ExaminedHost:
    return replace(SEEN, files={**SEEN.files, name: file})


def test_a_healthy_machine_gives_nothing():
    assert examine(SEEN) == []


ONLY_ROOTS = File(stat.S_IFREG | 0o600, 0, 0, content=b"mail.vm.test\n")
CLOSED = File(stat.S_IFDIR | 0o700, 0, 0)
GROUPS = File(stat.S_IFREG | 0o640, 0, 64010, content=b"mail.vm.test\n")


MACHINES: list[tuple[ExaminedHost, str, str, str, str]] = [
    (with_file("control/rcpthosts", ONLY_ROOTS), "control/rcpthosts", "421", "644", "alarm"),
    (with_file("control/me", ONLY_ROOTS), "control/me", "421", "umask", "alarm"),
    (
        with_file("control/morercpthosts.cdb", ONLY_ROOTS),
        "control/morercpthosts.cdb", "qmaild may not read", "chmod 644", "alarm",
    ),
    (
        with_file("control/virtualdomains", ONLY_ROOTS),
        "control/virtualdomains", "will not start again", "umask 077", "alarm",
    ),
    (with_file("control/locals", ONLY_ROOTS), "control/locals", "not start", "644", "alarm"),
    (
        replace(
            with_file("control/smtproutes", File(PLAIN, 0, 0, content=b"b.test:192.0.2.7\n")),
            addresses=frozenset([b"192.0.2.7"]),
        ),
        "control/smtproutes", "sent to this host itself", "Name the host", "alarm",
    ),
    (
        with_file("control/smtproutes", ONLY_ROOTS),
        "control/smtproutes", "to the outside waits", "chmod 644", "trouble",
    ),
    (with_file("control", CLOSED), "control", "may not enter", "chmod 755", "alarm"),
    (replace(SEEN, files={}), "/var/qmail", "no qmail in it", "QMAILPANEL_QMAIL_HOME", "alarm"),
    (
        replace(SEEN, senders=(Sender("/usr/bin:/bin"),)),
        "qmail-send", "without /var/qmail/bin in its PATH", "qmail-start", "trouble",
    ),
    (
        replace(SEEN, senders=(Sender(None, ("control/virtualdomains",)),)),
        "control/virtualdomains", "has not read it", "HUP", "trouble",
    ),
    (
        replace(SEEN, compiled_elsewhere=("bin/qmail-newu",)),
        "bin/qmail-newu", "another qmail home", "QMAILPANEL_QMAIL_HOME", "trouble",
    ),
    (
        replace(SEEN, programs={"bin/qmail-queue": File(stat.S_IFREG | 0o711)}),
        "bin/qmail-queue", "not setuid", "chmod 4711", "alarm",
    ),
    (
        replace(SEEN, programs={"queue/lock/trigger": File(stat.S_IFREG | 0o622)}),
        "queue/lock/trigger", "every 25 minutes", "mkfifo", "trouble",
    ),
    (replace(SEEN, alias={}), "alias/.qmail-postmaster", "bounces", "a person", "trouble"),
    (replace(SEEN, alias={}), "alias/.qmail-root", "bounces", "a person", "trouble"),
    (replace(SEEN, alias={}), "alias/.qmail-mailer-daemon", "vanish", "a person", "trouble"),
    (
        replace(SEEN, alias={**ALIAS, ".qmail-x": File(PLAIN, 0, 0, content=b" |x\n")}),
        "/var/qmail/alias/.qmail-x", "blank stands before", "its sign", "alarm",
    ),
    (
        with_file("control/rejectnonexist", File(PLAIN, 0, 0, content=b"mail.vm.test\n")),
        "control/rejectnonexist", "does not know of it", "patch", "note",
    ),
    (replace(SEEN, is_sending=False), "qmail-send", "all mail waits", "svc -u", "alarm"),
    (
        replace(SEEN, servers=(Server(7, "/etc/tcp.smtp.cdb", (b"127.", b"")),)),
        "/etc/tcp.smtp.cdb", "an open relay", "tcprules", "alarm",
    ),
    (
        replace(SEEN, servers=(Server(7, "/etc/tcp.smtp.cdb", (b"10.", b"=")),)),
        "/etc/tcp.smtp.cdb", "an open relay", "tcprules", "alarm",
    ),
    (
        replace(SEEN, servers=(Server(7, "/etc/tcp.smtp.cdb", (b"10.", b"100.", b"172.16.")),)),
        "/etc/tcp.smtp.cdb", "begin with 100.:", "in full", "alarm",
    ),
    (
        replace(SEEN, servers=(Server(7, "", is_relay=True),)),
        "tcpserver", "environment of process 7", "the script", "alarm",
    ),
    (
        replace(SEEN, servers=(Server(7, "", is_recorded=True),)),
        "tcpserver", "each password", "Take recordio out", "note",
    ),
    (
        replace(SEEN, foreign_sendmails=(("/usr/sbin/sendmail", "/usr/sbin/exim4"),)),
        "/usr/sbin/sendmail", "is /usr/sbin/exim4",
        "ln -sf /var/qmail/bin/sendmail /usr/sbin/sendmail", "trouble",
    ),
    (
        replace(
            with_file("users/assign", File(PLAIN, 0, 0, content=ASSIGN.encode() + b".\n")),
            uid_of={"popuser": 500}.get,
        ),
        "users/assign", "as uid 110, but the user popuser has uid 500", "id -u popuser", "trouble",
    ),
    (replace(SEEN, is_account=lambda _: False),
     "control/virtualdomains", "No assignment", "users/assign", "alarm"),
]  # fmt: skip


@pytest.mark.parametrize(("host", "file", "meaning", "remedy", "severity"), MACHINES)
def test_each_trap_of_the_machine_is_found(host, file, meaning, remedy, severity):
    assert any(
        finding.file == file
        and meaning in finding.meaning
        and remedy in finding.remedy
        and finding.trap.severity == severity
        for finding in examine(host)
    ), examine(host)


@pytest.mark.parametrize("name", ["control/virtualdomains", "control/locals"])
def test_a_file_for_the_group_of_qmail_send_is_no_trap_there(name):
    content = FILES[name]
    assert examine(with_file(name, GROUPS._replace(content=content))) == []


def test_a_qmail_smtpd_that_knows_the_list_is_no_trap():
    host = with_file("control/rejectnonexist", File(PLAIN, 0, 0, content=b"mail.vm.test\n"))
    assert examine(replace(host, mentions=frozenset(["control/rejectnonexist"]))) == []


def test_a_log_that_reaches_back_less_than_an_hour_is_named():
    log = KeptLog("/var/log/qmail/send", 99_999, 10, 150.0)
    [finding] = examine(replace(SEEN, logs=(log,)))
    assert (finding.file, finding.trap.severity) == (log.path, Severity.NOTE)
    assert "keeps 2 minutes" in finding.meaning
    assert "s16777215 n20" in finding.remedy
    for seconds in (None, 3_700.0):
        assert examine(replace(SEEN, logs=(replace(log, seconds=seconds),))) == []


def test_the_logs_of_qmail_send_are_those_that_a_multilog_writes(tmp_path):
    shutil.copy("/bin/sh", tmp_path / "multilog")
    for name, line in {"send": "status: local 1/10 remote 0/20", "other": "pop3: hello"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "current").write_text(f"@400000006 {line}\n")
        for stamp in (int(time.time()) - 600, int(time.time()) - 60):
            label = f"@{stamp + 10 + (1 << 62):016x}00000000"
            (tmp_path / name / f"{label}.s").touch()
    words = ["-c", "read x", "t", "s4096", "n3", f"{tmp_path}/send", "n20", f"{tmp_path}/other"]
    with subprocess.Popen([tmp_path / "multilog", *words], stdin=subprocess.PIPE) as process:
        assert process.stdin
        wait_for(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "multilog\n")
        logs = [log for log in read_logs() if str(tmp_path) in log.path]
        process.stdin.close()
    assert [(log.path, log.size, log.files) for log in logs] == [(f"{tmp_path}/send", 4096, 3)]
    assert 599 < (logs[0].seconds or 0) < 660


@pytest.mark.parametrize("pattern", [".qmail-default", ".qmail-100-default", ".qmail-100-joe"])
def test_the_user_alias_takes_the_mail_of_a_prepend_without_assignments(pattern):
    more = {**ALIAS, pattern: File(PLAIN, 0, 0, content=b"&joe@b.test\n")}
    assert examine(replace(SEEN, is_account=lambda _: False, alias=more)) == []


@pytest.mark.parametrize("line", ["=Root", "+ro", "+"])
def test_an_assignment_takes_the_mail_of_root(line):
    alias = {name: file for name, file in ALIAS.items() if name != ".qmail-root"}
    without = replace(SEEN, alias=alias)
    assert [one.file for one in examine(without)] == ["alias/.qmail-root"]
    content = f"{line}:u:1:1:/h:-::\n.\n".encode()
    host = replace(with_file("users/assign", File(PLAIN, 0, 0, content=content)), alias=alias)
    assert not [one for one in examine(host) if one.file == "alias/.qmail-root"]


def examined_home(**more: Any) -> ExaminedHome:
    named = AssignedHome("/home/joe", 1, 110, 31, plain=True)
    return ExaminedHome(named, **{"here": File(stat.S_IFDIR | 0o755, 500, 500), **more})


@pytest.mark.parametrize(
    ("host", "meaning", "remedy"),
    [
        (examined_home(), "belongs to uid 500", "chown"),
        (examined_home(here=None, skipped="closed"), "may not look", "as root"),
    ],
)
def test_traps_of_owners_are_found(host, meaning, remedy):
    [finding] = examine_home(host, lambda _: True)
    assert meaning in finding.meaning
    assert remedy in finding.remedy


def test_what_the_doctor_may_not_read_it_says():
    [finding] = examine(with_file("control/badmailfrom", File(PLAIN, 0, 0)))
    assert "may not read it" in finding.meaning


# what the collector makes of a real machine


@pytest.fixture
def home() -> Iterator[Path]:
    """Where others may pass through."""
    path = Path(tempfile.mkdtemp(prefix="qmailpanel-tests-", dir="/tmp"))
    path.chmod(0o755)
    yield make_healthy(path / "qmail")
    shutil.rmtree(path)


@contextmanager
def running_send(home: Path) -> Iterator[None]:
    """A process that looks like the qmail-send of this home."""
    program = home / "bin/qmail-send"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"], cwd=home, env={"PATH": "/usr/bin:/bin"}) as process:
        try:
            proc = Path(f"/proc/{process.pid}")
            while not ((proc / "comm").read_text() == "qmail-send\n" and _has_environ(proc)):
                time.sleep(0.005)
            yield
        finally:
            process.kill()


@contextmanager
def running_multilog(place: Path, *, user: str = "root") -> Iterator[Path]:
    """A process that looks like the multilog of a qmail-send; the directory of its log."""
    with tempfile.TemporaryDirectory(prefix="qmailpanel-tests-", dir="/tmp") as programs:
        Path(programs).chmod(0o755)
        shutil.copy("/bin/sh", f"{programs}/multilog")
        log = place / "log"
        log.mkdir()
        (log / "current").write_text("@400000006 status: local 1/10 remote 0/20\n")
        words = [f"{programs}/multilog", "-c", "read x", "t", str(log)]
        runner = user if os.geteuid() == 0 else None
        with subprocess.Popen(words, stdin=subprocess.PIPE, user=runner) as process:
            wait_for(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "multilog\n")
            yield log
            process.communicate()


@contextmanager
def planted(place: Path, kind: str) -> Iterator[str]:
    """A path that is no plain file, but says what one of qmail's would."""
    said = b"status: local 1/10 remote 0/20\n"
    if kind == "fifo":
        os.mkfifo(place / "fifo")
        ends = [os.open(place / "fifo", os.O_RDWR)]
        path = str(place / "fifo")
    else:
        ends = [*os.openpty()]
        path = os.ttyname(ends[1])
    os.write(ends[0], said)
    yield path
    for end in ends:
        os.close(end)


def _has_environ(proc: Path) -> bool:
    return b"PATH=" in (proc / "environ").read_bytes()


def test_the_path_of_a_running_qmail_send_is_read(home):
    with running_send(home):
        found = [one for one in look(home) if one.file == "qmail-send"]
    assert [one.params["path"] for one in found] == ["/usr/bin:/bin"]


def test_a_control_file_written_since_qmail_send_read_it_is_told(home):
    file = home / "control/virtualdomains"
    written = file.stat().st_mtime_ns
    said = []
    with running_send(home):
        for later in (1, -1):
            os.utime(file, ns=(written + later, written))
            said += [one.meaning for one in look(home) if one.file == "control/virtualdomains"]
    assert said == ["qmail-send has not read it since it was written."]


def test_the_doctor_leaves_the_access_time_of_virtualdomains_alone(home):
    file = home / "control/virtualdomains"
    os.utime(file, ns=(1, 2))
    look(home)
    assert file.stat().st_atime_ns == 1


def test_a_route_to_an_address_of_this_machine_is_told(home):
    (home / "control/smtproutes").write_bytes(b"b.test:%b\n" % max(find_addresses()))
    assert [one.trap for one in look(home)] == [TO_ITSELF]


def test_a_user_with_the_uid_of_its_assignments_is_no_trap():
    file = File(PLAIN, 0, 0, content=ASSIGN.encode() + b"+ann-:ann:1:1:/home/ann:-::\n.\n")
    host = with_file("users/assign", file)
    [finding] = finish(gather(examine_accounts(replace(host, uid_of={"popuser": 7}.get))))
    assert finding.number == 1
    assert not [*examine_accounts(replace(host, uid_of={"popuser": 110}.get))]


def test_clients_that_are_named_in_full_may_relay():
    relays = (b"127.", b"10.", b"192.168.", b"198.51.100.7", b"=mail.a.test")
    assert examine(replace(SEEN, is_sending=True, servers=(Server(7, "/r", relays),))) == []


def test_whether_qmail_send_waits_for_mail_its_trigger_tells(home):
    assert is_sending(str(home)) is None
    for name in ("bin/qmail-send", "queue/lock/trigger"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / "bin/qmail-send").touch()
    assert is_sending(str(home)) is None
    os.mkfifo(home / "queue/lock/trigger", 0o622)
    assert is_sending(str(home)) is False
    assert "qmail-send" in [one.file for one in look(home)]
    reader = os.open(home / "queue/lock/trigger", os.O_RDONLY | os.O_NONBLOCK)
    assert is_sending(str(home)) is True
    assert "qmail-send" not in [one.file for one in look(home)]
    os.close(reader)


def make_process(
    proc: Path, pid: int, *words: str, environ: bytes = b"", users: str = "0 0 0 0"
) -> Path:
    (proc / str(pid)).mkdir(parents=True)
    (proc / f"{pid}/comm").write_text(f"{words[0]}\n")
    (proc / f"{pid}/cmdline").write_text("\0".join((*words, "")))
    (proc / f"{pid}/environ").write_bytes(environ)
    (proc / f"{pid}/status").write_text(f"Name:\t{words[0]}\nUid:\t{users}\nGid:\t0\n")
    (proc / f"{pid}/cwd").symlink_to(proc.parent)
    return proc


def test_the_rules_of_a_tcpserver_before_qmail_smtpd_are_read(home, tmp_path):
    rules = tmp_path / "tcp.smtp.cdb"
    records = [(b"127.", b"+RELAYCLIENT=\0"), (b"6.", b"D\0"), (b"", b"+A=b\0+RELAYCLIENT=\0")]
    with rules.open("w+b") as file:
        compile_records(records, file)
    program = f"{home}/bin/qmail-smtpd"
    proc = make_process(tmp_path / "p", 7, "tcpserver", "-vRx", "tcp.smtp.cdb", "0", "25", program)
    make_process(proc, 8, "tcpserver", "-x", str(rules), "0", "25", "/elsewhere/bin/qmail-smtpd")
    make_process(proc, 9, "tcpserver", "0", "25", "recordio", program, environ=b"RELAYCLIENT=\0")
    make_process(proc, 10, "tcpserver", "-?", "0", "25", program)
    make_process(proc, 11, "tcpserver", "-x/nowhere", "0", "25", "qmail-smtpd", environ=b"A=b\0")
    servers = sorted(read_servers(str(home), proc), key=lambda one: one.pid)
    assert servers == [
        Server(7, str(rules), (b"127.", b"")),
        Server(9, "", is_relay=True, is_recorded=True),
        Server(11, "/nowhere"),
    ]


@pytest.mark.parametrize("users", ["65533 65533 65533 65533", "65533 0 0 0", "0 0 65533 0"])
def test_what_others_call_tcpserver_is_not_believed(home, tmp_path, users):
    """A setuid program that somebody calls so keeps who started it."""
    words = ("tcpserver", "0", "25", f"{home}/bin/qmail-smtpd")
    proc = make_process(tmp_path / "p", 7, *words, users=users)
    assert list(read_servers(str(home), proc)) == []


def test_what_tells_no_user_is_not_believed(home, tmp_path):
    proc = make_process(tmp_path / "p", 7, "tcpserver", "0", "25", f"{home}/bin/qmail-smtpd")
    (proc / "7/status").write_text("Name:\ttcpserver\n")
    assert list(read_servers(str(home), proc)) == []


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
@pytest.mark.parametrize(("user", "is_believed"), [("nobody", False), ("root", True)])
def test_a_multilog_is_believed_where_it_is_roots(tmp_path, user, is_believed):
    with running_multilog(tmp_path, user=user) as log:
        assert [one.path for one in read_logs() if one.path == str(log)] == [str(log)] * is_believed


@pytest.mark.parametrize("kind", ["pty", "fifo"])
def test_a_multilog_whose_log_leads_elsewhere_is_passed_over(tmp_path, kind):
    with running_multilog(tmp_path) as log, planted(tmp_path, kind) as path:
        (log / "current").unlink()
        (log / "current").symlink_to(path)
        assert [one.path for one in read_logs() if one.path == str(log)] == []


@pytest.mark.parametrize("kind", ["pty", "fifo"])
def test_rules_that_lead_elsewhere_are_passed_over(home, tmp_path, kind):
    with planted(tmp_path, kind) as path:
        (tmp_path / "rules").symlink_to(path)
        words = ("tcpserver", "-xrules", "0", "25", "qmail-smtpd")
        [server] = read_servers(str(home), make_process(tmp_path / "p", 7, *words))
    assert (server.rules, server.relays) == (f"{tmp_path}/rules", ())


def make_sparse(rules: Path, gap: int, *, before: bool = False) -> None:
    """A map of one record for everybody, and after or before it a hole: nothing but empty ones."""
    with rules.open("w+b") as file:
        compile_records([(b"", b"+RELAYCLIENT=\0")], file)
        file.seek(0)
        whole = file.read()
        tables = struct.unpack("<512I", whole[:2048])
        hole = 2048 if before else min(tables[::2])
        moved = (number + gap * (not at % 2) for at, number in enumerate(tables))
        file.seek(0)
        file.write(struct.pack("<512I", *moved))
        os.truncate(rules, hole)
        file.seek(hole + gap)
        file.write(whole[hole:])


def test_rules_larger_than_any_are_refused_at_once(home, tmp_path):
    proc = make_process(tmp_path / "p", 7, "tcpserver", "-xrules", "0", "25", "qmail-smtpd")
    relays = []
    for gap in (1 << 20, 64 << 20):
        make_sparse(tmp_path / "rules", gap)
        started = time.process_time()
        relays += [server.relays for server in read_servers(str(home), proc)]
        assert time.process_time() - started < 0.5
    assert relays == [(b"",), ()]


def test_no_more_rules_are_read_than_are_sane(home, tmp_path):
    proc = make_process(tmp_path / "p", 7, "tcpserver", "-xrules", "0", "25", "qmail-smtpd")
    relays = []
    for empty in (RULES - 1, RULES):
        make_sparse(tmp_path / "rules", empty * 8, before=True)
        relays += [server.relays for server in read_servers(str(home), proc)]
    assert relays == [(b"",), ()]


def test_a_user_of_this_machine_with_another_uid_is_told(home):
    nobody = pwd.getpwnam("nobody")
    line = f"+x-:nobody:{nobody.pw_uid + 1}:31:{home}/mailnames/pandle.net:-::\n"
    assign(ASSIGN + line)(home)
    told = [(one.file, one.number) for one in look(home) if one.trap is OTHER_UID]
    assert told == [("users/assign", 4)]


def test_a_tcpserver_that_relays_for_everybody_is_told(home, tmp_path):
    shutil.copy("/bin/sh", tmp_path / "tcpserver")
    words = ["-c", "read x", "0", "25", f"{home}/bin/qmail-smtpd"]
    program = [str(tmp_path / "tcpserver"), *words]
    with subprocess.Popen(program, stdin=subprocess.PIPE, env={"RELAYCLIENT": ""}) as process:
        assert process.stdin
        proc = Path(f"/proc/{process.pid}")
        wait_for(lambda: (proc / "comm").read_text() == "tcpserver\n")
        wait_for(lambda: b"RELAYCLIENT=" in (proc / "environ").read_bytes())
        told = [one.params["pid"] for one in look(home) if one.trap is RELAYS_AT_START]
        process.stdin.close()
    assert told == [str(process.pid)]


def test_what_is_called_sendmail_and_is_not_qmails_is_found(home, tmp_path):
    paths = [str(tmp_path / name) for name in ("foreign", "again", "linked", "copied", "missing")]
    Path(paths[0]).write_bytes(b"exim")
    Path(paths[1]).symlink_to(paths[0])
    Path(paths[2]).symlink_to(home / "bin/sendmail")
    Path(paths[3]).write_bytes(b"\0" + str(home).encode() + b"\0")
    assert list(find_foreign_sendmails(str(home), paths)) == []
    (home / "bin/sendmail").touch()
    assert list(find_foreign_sendmails(str(home), paths)) == [(paths[0], paths[0])]


def test_programs_built_for_another_home_are_told(home):
    (home / "bin/qmail-newu").write_bytes(b"\x7fELF\0/var/qmail\0")
    assert [one.file for one in look(home)] == ["bin/qmail-newu"]
    (home / "bin/qmail-newu").write_bytes(b"\x7fELF\0" + str(home).encode() + b"\0")
    assert look(home) == []


def test_a_mail_root_that_the_mail_user_cannot_pass_counts_where_qmail_delivers(home):
    root = home / "mailnames"
    root.chmod(0o600)
    named = AssignedHome(f"{root}/pandle.net/biliards", 1, 110, 31, plain=True)
    for delivers, shut in ((True, str(root)), (False, "")):
        walk = Walk(str(root), delivers=delivers)
        assert read_home(walk, named).shut == shut or (os.geteuid() and not delivers)
        walk.close()
    root.chmod(0o711)
    [finding] = examine_home(ExaminedHome(named, None, shut=str(root)), lambda _: True)
    assert f"chmod 711 {root}" in finding.remedy


def test_a_link_that_a_tenant_made_is_not_followed(home, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / ".qmail").write_bytes(b"root's secret\n")
    box = home / "mailnames/pandle.net/biliards"
    shutil.rmtree(box)
    box.symlink_to(secret)
    (home / "mailnames/pandle.net/.qmail-x").symlink_to(secret / ".qmail")
    assert "secret" not in str([(one.meaning, one.file) for one in look(home)])


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
@pytest.mark.parametrize(
    ("path", "meaning", "remedy"),
    [("other test", "rename nor remove", "chmod +t"), ("pandle.net/new", "archive", "a copy")],
)
def test_what_is_mounted_below_the_mail_root_is_told(home, path, meaning, remedy):
    with mounted(home / "mailnames" / path) as place:
        [finding] = look(home)
    assert finding.file == str(place)
    assert meaning in finding.meaning
    assert remedy in finding.remedy
    assert finding.trap.severity == "note"


def test_a_file_system_of_mail_that_is_not_mounted_is_told(home, tmp_path, monkeypatch):
    root = home / "mailnames"
    monkeypatch.setattr(mounts, "FSTAB", str(tmp_path / "fstab"))
    (tmp_path / "fstab").write_text(
        f"# {root}\n"
        "UUID=1 / ext4 defaults 0 1\n"
        "UUID=2 none swap sw 0 0\n"
        f"UUID=3 {root}/b.test ext4 defaults,noauto 0 2\n"
        f"/srv/c {root}/c.test none bind 0 0\n"
        "UUID=4 /elsewhere ext4 defaults 0 2\n"
        f"UUID=5 {root} ext4 defaults 0 2\n"
        f"UUID=6 {root}/a\\040test ext4 defaults 0 2\n"
    )
    findings = look(home)
    assert [(one.number, one.params["path"]) for one in findings] == [
        (7, str(root)),
        (8, f"{root}/a test"),
    ]
    assert {one.file for one in findings} == {str(tmp_path / "fstab")}
    assert findings[0].remedy.startswith(f"Mount {root}.")


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
def test_a_file_system_of_mail_that_is_mounted_is_no_finding(home, tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "FSTAB", str(tmp_path / "fstab"))
    with mounted(home / "mailnames/.archive") as place:
        (tmp_path / "fstab").write_text(f"UUID=1 {place} ext4 defaults 0 2\n")
        assert look(home) == []


def test_every_descriptor_is_given_back(home):
    before = os.listdir("/proc/self/fd")
    look(home)
    assert os.listdir("/proc/self/fd") == before


def test_a_compiled_map_can_be_asked_while_it_is_read(home):
    with read_shared(str(home)) as host:
        assert all(found is None or found.find(b"") is not None for found in host.maps.values())


# what lets people in


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
@pytest.mark.parametrize(
    ("name", "number", "meaning", "remedy"),
    [
        (".", 0o700, "may not pass through it (mode 0700)", "chmod o+x"),
        ("logins", 0o700, "may not enter it (mode 0700)", "chmod 711"),
        ("logins/a.test{ending}", 0o600, "may not read it (mode 0600)", "chmod 640"),
        ("logins/b.test.d", 0o700, "may not enter it (mode 0700)", "chmod 711"),
        ("logins/b.test.d/9f{ending}", 0o600, "may not read it (mode 0600)", "chmod 640"),
    ],
)
@pytest.mark.parametrize("who", ["Dovecot", "a group"])
def test_logins_that_who_lets_people_in_cannot_read_are_told(
    home, who, name, number, meaning, remedy
):
    reader = reader_of_lines("nobody") if who == "Dovecot" else reader_of_maps("nogroup")
    make_directory(home / "logins", 0o711)
    make_directory(home / "logins/b.test.d", 0o711)
    names = ("a.test", "b.test.d/9f")
    for name_of_file, ending in itertools.product(names, LoginFormat):
        file = home / f"logins/{name_of_file}{ending}"
        file.write_bytes(b"")
        file.chmod(0o640 if ending is reader.format else 0o600)
        os.chown(file, 0, grp.getgrnam("nogroup").gr_gid)
    assert list(examine_logins(read_logins(str(home / "logins"), reader))) == []
    shut = home / name.format(ending=reader.format)
    shut.chmod(number)
    [finding] = examine_logins(read_logins(str(home / "logins"), reader))
    assert finding.file == str(shut)
    assert meaning in finding.meaning
    assert remedy in finding.remedy


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_login_maps_are_examined_where_there_is_a_group_that_asks_them(home):
    make_directory(home / "logins", 0o711)
    (home / "logins/a.test.cdb").touch(0o600)
    layout = Layout(str(home), str(home / "mailnames"), MAIL_USER, ask_group="nogroup")
    found = finish(examine_shared_of(layout))
    assert [one.file for one in found] == [str(home / "logins/a.test.cdb")]
    assert finish(examine_shared_of(replace(layout, ask_group="no-such-group"))) == []


@pytest.mark.root
@pytest.mark.skipif(not may_be_dovecot(), reason="needs to be root, and a user dovecot")
def test_logins_are_examined_where_dovecot_lets_people_in(home):
    make_directory(home / "logins", 0o700)
    layout = Layout(str(home), str(home / "mailnames"), MAIL_USER, dovecot=True)
    found = finish(examine_shared_of(layout))
    assert [one.file for one in found] == [str(home / "logins")]
    assert finish(examine_shared_of(replace(layout, dovecot=False))) == []


# many of a kind


ODD = Trap("%(line)s is odd.", "Do.", Severity.ALARM)


def test_fifty_equal_findings_are_one_with_how_many_and_the_first_places():
    found = [ODD.at("control/x", number, line=f"l{number}") for number in range(1, 50)]
    other = Trap("%(line)s is odd.", "Do something else.").at("control/y", 7, line="l1")
    one, rest = [
        finding for finding in shorten(iter([*found[:7], other, None, *found[7:]])) if finding
    ]
    assert rest == other
    assert (one.place, one.count, one.meaning) == ("control/x:1", 49, "l1 is odd.")
    assert one.also == tuple(f"control/x:{number}" for number in range(2, 7))
    assert one.trap.severity == "alarm"


def test_findings_of_which_there_are_few_are_told_one_by_one():
    found = [ODD.at(f"/home/{number}", line="l") for number in range(3)]
    assert [*shorten(iter(found))] == found
    [one] = shorten(iter([*found, ODD.at("/home/3", line="l")]))
    assert one is not None
    assert (one.count, one.also) == (4, ("/home/1", "/home/2", "/home/3"))


def test_what_outsiders_wrote_has_no_power_over_a_terminal():
    finding = Trap("%(line)s", "").at("/home/\x1b[2J", 1, line=b"\x1b]0;x\x07" + b"a" * 500)
    assert finding.file == "/home/\\x1b[2J"
    assert finding.meaning.startswith("\\x1b]0;x\\x07")
    assert len(finding.meaning) < 150
