"""The checkpassword helper, byte by byte, as what runs it sees it."""

from __future__ import annotations

import hashlib
import os
import poplib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from qmailpanel.qmail.layout.rows import AppRow, LoginRow
from qmailpanel.qmail.secrets.passwords import hash_password
from tests.kit.checkpassword import (
    HELPER,
    RIGHT,
    WHO,
    Asker,
    LargeAsker,
    LargeWorld,
    World,
)
from tests.kit.real_qmail import HOME, needs_qmail

IMPORTED = {
    "crypt": "{SHA512-CRYPT}$6$jvEerfbdPsvKwuHu$RxfTmqjAhHA5d2/TjEm5TvA3YyXIfXvjNrKemUnF.m/6/j6A."
    "pzoBpLxcPw2wjlJfLwA1iEPsnozP3ppupzQs/",
    "blowfish": "{BLF-CRYPT}$2b$04$vWtTKMF4Ps/Dik1OcdQ5y.3LV8T2dWvuR4.fyMHz.Y4gdqmEKnk5.",
    "md5": "{MD5-CRYPT}$1$ehbpW/ic$1p.8Zi496dHRq2Ern/ay60",
}
QUICK = "{ARGON2ID}" + PasswordHasher(1, 8, 1).hash("something")
COMPOSED, DECOMPOSED = "Gr\u00fc\u00dfe aus K\u00f6ln", "Gru\u0308\u00dfe aus Ko\u0308ln"
pytestmark = pytest.mark.root


@pytest.fixture
def place() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="qmailpanel-checkpassword-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=[World, LargeWorld])
def world(place: Path, request: pytest.FixtureRequest) -> World:
    world: World = request.param(place)
    return world


@pytest.fixture(params=[Asker, LargeAsker])
def asker(place: Path, request: pytest.FixtureRequest) -> Asker:
    asker: Asker = request.param(place)
    return asker


def processor_seconds(world, login: str) -> float:
    """What it takes to refuse a wrong password, at least."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    taken = []
    for _ in range(5):
        before = used()
        assert world.ask(login, "wrong").returncode == 1
        taken.append(used() - before)
    return min(taken)


@pytest.mark.parametrize("stored", [*IMPORTED.values(), QUICK], ids=[*IMPORTED, "argon"])
def test_a_wrong_password_is_refused_no_sooner_where_it_was_imported(world, stored) -> None:
    world.write(LoginRow(stored))
    nobodys = processor_seconds(world, "nobody@a.test")
    assert processor_seconds(world, "bob@a.test") > 0.8 * nobodys


def test_who_knows_the_password_becomes_the_mail_user_at_home(world) -> None:
    done = world.ask("Bob@A.test")
    home = world.home
    said = ["110", "31", "31", str(home), f"bob@a.test {home} /bin/sh"]
    assert done.stdout.splitlines() == said, done.stderr  # and descriptor 3 is closed
    used = home / ".last-pop3"
    assert used.read_text() == "192.0.2.7\n"
    assert (used.stat().st_uid, used.stat().st_mode & 0o777) == (110, 0o600)


@pytest.mark.parametrize("chosen", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_what_looks_the_same_is_the_same_password(world, chosen, typed) -> None:
    world.write(LoginRow(hash_password(chosen)))
    assert world.ask("bob@a.test", typed).returncode == 0
    assert world.ask("bob@a.test", typed + "u").returncode == 1


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
        b"bob@a.test\0right horse",
        b"bob@a.test\0right horse\0" + b"t" * 512 + b"\0",
    ],
)
def test_what_is_not_the_protocol_is_a_misuse(world, content) -> None:
    assert world.send(content).returncode == 2


@pytest.mark.parametrize("rest", [b"", b"no end", b"<1.2@here>\0and more\0"])
def test_what_follows_the_password_is_passed_over(world, rest) -> None:
    assert world.send(b"bob@a.test\0right horse\0" + rest).returncode == 0
    assert world.send(b"bob@a.test\0wrong horse\0" + rest).returncode == 1


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
    world.map.unlink()
    world.map.mkdir()


def cut(world: World) -> None:
    world.map.write_bytes(world.map.read_bytes()[:2060])


def empty(world: World) -> None:
    world.map.write_bytes(b"")


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


# as qmail-smtpd asks


def test_who_asks_without_being_root_gets_an_answer_and_becomes_nobody(asker) -> None:
    done = asker.ask_to_send()
    assert done.stdout.splitlines()[:3] == ["4711", "4712", "4712"], done.stderr
    assert asker.ask_to_send("wrong").returncode == 1
    assert asker.ask_to_send(login="nobody@a.test").returncode == 1
    assert asker.ask_to_send(login="bob@b.test").returncode == 1
    assert [path.name for path in asker.home.iterdir()] == []


def test_who_asks_without_being_root_hears_of_app_passwords_locks_and_switches(asker) -> None:
    app = "abcd-efgh"
    row = AppRow(7, hash_password(app), hashlib.sha256(app.encode()).hexdigest())
    asker.write(LoginRow(hash_password(RIGHT), apps=(row,)))
    assert (asker.ask_to_send(app).returncode, asker.ask_to_send(RIGHT).returncode) == (0, 0)
    asker.write(LoginRow(hash_password(RIGHT), sending=False, apps=(row,)))
    assert (asker.ask_to_send(app).returncode, asker.ask_to_send(RIGHT).returncode) == (1, 1)
    asker.write(LoginRow(hash_password(RIGHT), must_change=True, apps=(row,)))
    assert (asker.ask_to_send(app).returncode, asker.ask_to_send(RIGHT).returncode) == (1, 1)


@pytest.mark.parametrize("spoil", [missing, unreadable, cut, empty])
def test_what_is_broken_is_said_to_whoever_asks(asker, spoil) -> None:
    spoil(asker)
    assert asker.ask_to_send().returncode == 111


def test_whom_the_maps_are_not_for_hears_nothing(asker) -> None:
    asker.let_read(0)
    for password in (RIGHT, "wrong"):
        done = asker.ask_to_send(password)
        assert (done.returncode, "PermissionError" in done.stderr) == (111, True), done.stderr


@pytest.mark.parametrize("service", ["pop3", "imap"])
def test_only_root_can_open_a_mailbox(asker, service) -> None:
    done = asker.ask_to_send(service=service)
    assert (done.returncode, "only root" in done.stderr) == (2, True), done.stderr


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
