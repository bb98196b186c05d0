"""The checkpassword helper, byte by byte, as what runs it sees it."""

from __future__ import annotations

import hashlib
import os
import poplib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cdbx
import pytest

from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats.logins import LoginFormat, Logins
from qmailpanel.qmail.layout.logins import render_login
from qmailpanel.qmail.layout.rows import AppRow, LoginRow
from qmailpanel.qmail.names import LocalPart, MailUser
from qmailpanel.qmail.secrets.passwords import hash_password
from tests.kit.real_qmail import HOME, needs_qmail

HELPER = Path(__file__).parents[1] / "deploy/bin/qmailpanel-checkpassword"
WHO = 'id -u; id -g; id -G; pwd; echo "$USER $HOME $SHELL"; [ ! -e /proc/$$/fd/3 ] || echo open'
PROGRAM = ["/bin/sh", "-c", WHO]
RIGHT = "right horse"
IMPORTED = {
    "crypt": "{SHA512-CRYPT}$6$jvEerfbdPsvKwuHu$RxfTmqjAhHA5d2/TjEm5TvA3YyXIfXvjNrKemUnF.m/6/j6A."
    "pzoBpLxcPw2wjlJfLwA1iEPsnozP3ppupzQs/",
    "blowfish": "{BLF-CRYPT}$2b$04$vWtTKMF4Ps/Dik1OcdQ5y.3LV8T2dWvuR4.fyMHz.Y4gdqmEKnk5.",
    "md5": "{MD5-CRYPT}$1$ehbpW/ic$1p.8Zi496dHRq2Ern/ay60",
}
pytestmark = pytest.mark.root


class World:
    """A mail root, and the maps that sync would write."""

    def __init__(self, place: Path) -> None:
        self.python = Path(sys.executable)
        self.logins, self.home = place / "logins", place / "mailnames/a.test/bob"
        self.logins.mkdir()
        self.home.mkdir(parents=True)
        os.chown(self.home, 110, 31)
        self.write(LoginRow(hash_password(RIGHT)))

    def hide_library(self, place: Path) -> None:
        """An interpreter of root's own, as below /root: its library is for root alone."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        library = place / "lib" / version
        library.mkdir(parents=True)
        for path in Path(os.__file__).parent.iterdir():
            if path.name != "site-packages":
                (library / path.name).symlink_to(path)
        (library / "site-packages").symlink_to(Path(cdbx.__file__).parents[1])
        (place / "bin").mkdir()
        self.python = place / "bin/python"
        shutil.copy(Path(sys.executable).resolve(), self.python)
        place.chmod(0o700)

    def write(self, row: LoginRow, user: MailUser | None = None) -> None:
        user = user or MailUser("popuser", 110, 31)
        records = render_login(row, LocalPart("bob"), str(self.home), user)
        files = Logins(("a.test",), {"a.test/bob": records}).render("a.test")
        (self.logins / "a.test.cdb").write_bytes(files[LoginFormat.MAP])

    def write_record(self, data: bytes) -> None:
        with (self.logins / "a.test.cdb").open("w+b") as file:
            cdb.compile_records([(b"bob@a.test", data)], file)

    def ask(
        self, login: str = "bob@a.test", password: str = RIGHT, *options: str
    ) -> subprocess.CompletedProcess[str]:
        return self.send(f"{login}\0{password}\0<1.2@here>\0".encode(), *options)

    def send(
        self, content: bytes | None, *options: str, program: list[str] = PROGRAM
    ) -> subprocess.CompletedProcess[str]:
        """As qmail-popup starts it: what it reads is on descriptor 3."""
        command = [self.python, "-IS", HELPER, "--logins", self.logins, *options, *program]
        close = ["/bin/sh", "-c", 'exec "$@" 3<&0' if content is not None else 'exec "$@" 3<&-']
        return subprocess.run(
            [*close, "sh", *map(str, command)],
            input=(content or b"").decode("latin-1"),
            encoding="latin-1",
            capture_output=True,
            env={"TCPREMOTEIP": "192.0.2.7", "PATH": "/usr/bin:/bin"},
            check=False,
        )


@pytest.fixture
def world() -> Iterator[World]:
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-checkpassword-"))
    place.chmod(0o755)
    yield World(place)
    shutil.rmtree(place)


def test_who_knows_the_password_becomes_the_mail_user_at_home(world) -> None:
    done = world.ask("Bob@A.test")
    home = world.home
    said = ["110", "31", "31", str(home), f"bob@a.test {home} /bin/sh"]
    assert done.stdout.splitlines() == said, done.stderr  # and descriptor 3 is closed
    used = home / ".last-pop3"
    assert used.read_text() == "192.0.2.7\n"
    assert (used.stat().st_uid, used.stat().st_mode & 0o777) == (110, 0o600)


def test_a_program_is_found_though_the_interpreters_library_is_roots_alone(world, tmp_path) -> None:
    world.hide_library(tmp_path / "python")
    content = f"bob@a.test\0{RIGHT}\0t\0".encode()
    done = world.send(content, program=["sh", "-c", WHO])
    assert done.stdout.splitlines()[:1] == ["110"], done.stderr
    missing = world.send(content, program=["no-such-program"])
    assert (missing.returncode, "No such file" in missing.stderr) == (111, True), missing.stderr


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("bob@a.test", "wrong"),
        ("bob@a.test", ""),
        ("bob@a.test", f"{RIGHT} "),
        ("nobody@a.test", RIGHT),
        ("bob@b.test", RIGHT),
        ("bob", RIGHT),
        ("", RIGHT),
        ("bob@../logins/a.test", RIGHT),
        ("bob@a.test/off/pop3", RIGHT),
        ("bob@a.test:", RIGHT),
    ],
)
def test_who_does_not_know_it_is_refused(world, login, password) -> None:
    done = world.ask(login, password)
    assert (done.returncode, done.stdout) == (1, "")
    assert not (world.home / ".last-pop3").exists()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"bob@a.test\0",
        b"bob@a.test\0right horse\0",
        b"bob@a.test\0right horse\0no end",
        b"bob@a.test\0right horse\0" + b"t" * 512 + b"\0",
    ],
)
def test_what_is_not_the_protocol_is_a_misuse(world, content) -> None:
    assert world.send(content).returncode == 2


def test_512_bytes_are_taken_and_one_more_is_not(world) -> None:
    content = f"bob@a.test\0{RIGHT}\0".encode()
    fill = 512 - len(content) - 1
    assert world.send(content + b"t" * fill + b"\0").returncode != 2
    assert world.send(content + b"t" * (fill + 1) + b"\0").returncode == 2


def test_without_a_program_or_with_another_option_it_is_a_misuse(world) -> None:
    content = f"bob@a.test\0{RIGHT}\0t\0".encode()
    assert world.send(content, program=[]).returncode == 2
    assert world.send(content, "--service", "http").returncode == 2
    assert world.send(content, "--anything", "else").returncode == 2
    assert world.send(content, program=["/nowhere/at/all"]).returncode == 111


def test_nobody_opens_what_is_locked_or_switched_off(world) -> None:
    world.write(LoginRow(""))
    assert world.ask().returncode == 1
    assert world.ask(password="!").returncode == 1
    world.write(LoginRow(hash_password(RIGHT), must_change=True))
    assert world.ask().returncode == 1
    world.write(LoginRow(hash_password(RIGHT), pop3=False))
    codes = [
        world.ask("bob@a.test", RIGHT, "--service", name).returncode
        for name in ("pop3", "imap", "smtp")
    ]
    assert [code == 1 for code in codes] == [True, False, False]


def test_an_app_password_opens_its_protocols_and_is_noted(world) -> None:
    app = "abcd-efgh"
    mark = hashlib.sha256(app.encode()).hexdigest()
    row = AppRow(7, hash_password(app), mark, imap=False)
    world.write(LoginRow(hash_password(RIGHT), apps=(row,), storage=5000))
    assert world.ask("bob@a.test", app, "--service", "imap").returncode == 1
    assert world.ask("bob@a.test", app, "--service", "smtp").stdout
    assert (world.home / ".last-app-7").read_text() == "192.0.2.7\n"
    world.write(LoginRow(hash_password(RIGHT), must_change=True, apps=(row,)))
    assert world.ask("bob@a.test", app, "--service", "smtp").returncode == 1


@pytest.mark.parametrize("stored", IMPORTED.values(), ids=IMPORTED.keys())
def test_an_imported_hash_opens_too(world, stored) -> None:
    world.write(LoginRow(stored))
    assert world.ask(password="right").stdout
    assert world.ask(password="wrong").returncode == 1


def missing(world: World) -> None:
    shutil.rmtree(world.logins)


def unreadable(world: World) -> None:
    file = world.logins / "a.test.cdb"
    file.unlink()
    file.mkdir()


def cut(world: World) -> None:
    file = world.logins / "a.test.cdb"
    file.write_bytes(file.read_bytes()[:2060])


def empty(world: World) -> None:
    (world.logins / "a.test.cdb").write_bytes(b"")


def homeless(world: World) -> None:
    world.home.rmdir()


def record(data: bytes) -> Callable[[World], None]:
    return lambda world: world.write_record(data.replace(b"HASH", hash_password(RIGHT).encode()))


@pytest.mark.parametrize(
    "spoil",
    [
        missing,
        unreadable,
        cut,
        empty,
        homeless,
        record(b"HASH:0:31::/tmp::"),
        record(b"HASH:110:0::/tmp::"),
        record(b"HASH:110:31::tmp::"),
        record(b"HASH:x:31::/tmp::"),
        record(b"HASH:110:31"),
        record(b""),
        record(b"{ARGON2ID}$nonsense:110:31::/tmp::"),
        record(b"{MD5-CRYPT}:110:31::/tmp::"),
        record(b"{ROT13}evtug:110:31::/tmp::"),
    ],
)
def test_what_is_broken_is_never_called_a_wrong_password(world, spoil) -> None:
    spoil(world)
    assert world.ask().returncode == 111


def test_a_link_in_the_place_of_a_note_is_not_followed_and_keeps_nobody_out(world) -> None:
    aim = world.home / "aim"
    (world.home / ".last-pop3").symlink_to(aim)
    assert world.ask().stdout
    assert not aim.exists()


@pytest.mark.qmail
@pytest.mark.skipif(*needs_qmail[2].args, **needs_qmail[2].kwargs)
def test_below_the_real_qmail_popup_mail_is_read_by_pop3(world) -> None:
    for name in ("new", "cur", "tmp"):
        (world.home / "Maildir" / name).mkdir(parents=True)
    (world.home / "Maildir/new/1.here").write_text("Subject: hello\n\nHello.\n")
    os.utime(world.home / "Maildir/new/1.here", (1, 1))  # a quite new one waits for the next time
    subprocess.run(["chown", "-R", "110:31", world.home], check=True)
    helper = [sys.executable, "-IS", str(HELPER), "--logins", str(world.logins)]
    command: list[str] = [
        f"{HOME}/bin/qmail-popup",
        "here",
        *helper,
        f"{HOME}/bin/qmail-pop3d",
        "Maildir",
    ]
    for password, is_let_in in ((RIGHT, True), ("wrong", False)):
        ours, theirs = socket.socketpair()
        with theirs:
            popup = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
        client = Conversation(ours)
        client.user("bob@a.test")
        if is_let_in:
            client.pass_(password)
            assert b"Subject: hello" in client.retr(1)[1]
            client.quit()
        else:
            with pytest.raises(poplib.error_proto, match="authorization failed"):
                client.pass_(password)
            client.close()
        popup.wait(10)


class Conversation(poplib.POP3):
    """With a program at the other end of a socket."""

    def __init__(self, there: socket.socket) -> None:
        self.there = there
        super().__init__("here")

    def _create_socket(self, _timeout: float) -> socket.socket:
        return self.there
