"""A mail host in good health, and ways to plant traps in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from qmailpanel.qmail.doctor import Finding
from qmailpanel.qmail.formats.cdb import compile_assign, compile_records
from qmailpanel.qmail.host.examine_homes import examine_homes_of
from qmailpanel.qmail.host.examine_shared import examine_shared_of
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.pause import finish
from tests.kit.disk import MAIL_USER

Plant = Callable[[Path], None]

ASSIGN = (
    "=100-biliards:popuser:110:31:{root}/pandle.net/biliards:::\n"
    "=100-bilardi:popuser:110:31:{root}/pandle.net/biliards:::\n"
    "+100-:popuser:110:31:{root}/pandle.net:-::\n"
)
FILES = {
    "control/me": b"mail.vm.test\n",
    "control/locals": b"mail.vm.test\n",
    "control/rcpthosts": b"mail.vm.test\npandle.net\n",
    "control/virtualdomains": b"pandle.net:100\n",
}
BOX = "mailnames/pandle.net/biliards"


def make_healthy(home: Path) -> Path:
    """The least correct domain, as a careful person would make it by hand."""
    for name in ("control", "users", "bin"):
        (home / name).mkdir(parents=True)
        (home / name).chmod(0o755)
    home.chmod(0o755)
    for name, content in FILES.items():
        write(name, content)(home)
    for path in ("mailnames", "mailnames/pandle.net", BOX, f"{BOX}/Maildir"):
        make_directory(home / path)
    (home / "mailnames").chmod(0o711)
    for part in ("cur", "new", "tmp"):
        make_directory(home / BOX / "Maildir" / part)
    dot("mailnames/pandle.net/.qmail-default", b"#\n")(home)
    dot(f"{BOX}/.qmail", b"./Maildir/\n")(home)
    dot(f"{BOX}/Maildir/maildirsize", b"0S,0C\n           0            0\n")(home)
    assign(ASSIGN)(home)
    return home


def make_directory(path: Path, mode: int = 0o700) -> None:
    path.mkdir(mode)
    path.chmod(mode)
    own(path)


def own(path: Path, uid: int = MAIL_USER.uid, gid: int = MAIL_USER.gid) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, gid)


def look(home: Path) -> list[Finding]:
    layout = Layout(str(home), str(home / "mailnames"), MAIL_USER)
    return finish(examine_shared_of(layout)) + finish(examine_homes_of(layout))


# what can be planted


def write(name: str, content: bytes, mode: int = 0o644) -> Plant:
    def plant(home: Path) -> None:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
        (home / name).chmod(mode)

    return plant


def append(name: str, content: bytes) -> Plant:
    return lambda home: write(name, (home / name).read_bytes() + content)(home)


def remove(name: str) -> Plant:
    return lambda home: (home / name).unlink()


def mode(name: str, number: int) -> Plant:
    return lambda home: (home / name).chmod(number)


def dot(name: str, content: bytes, number: int = 0o600) -> Plant:
    """A file of the mail user."""

    def plant(home: Path) -> None:
        write(name, content, number)(home)
        own(home / name)

    return plant


def assign(text: str, *, compiled: bool = True) -> Plant:
    """users/assign of these lines and a dot; `{root}` is the mail root."""

    def plant(home: Path) -> None:
        content = text.replace("{root}", str(home / "mailnames")).encode() + b".\n"
        write("users/assign", content)(home)
        if compiled:
            compile_it(home, content)

    return plant


def compile_it(home: Path, content: bytes) -> None:
    with (home / "users/cdb").open("w+b") as file:
        compile_assign(content, file)


def compiled_list(name: str, *names: bytes) -> Plant:
    def plant(home: Path) -> None:
        with (home / name).open("w+b") as file:
            compile_records(((one, b"") for one in names), file)

    return plant


def both(*plants: Plant) -> Plant:
    def plant(home: Path) -> None:
        for each in plants:
            each(home)

    return plant
