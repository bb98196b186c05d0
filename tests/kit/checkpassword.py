"""The checkpassword helper, and the maps that sync would write for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import cdbx

from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats.logins import LoginFormat, Logins
from qmailpanel.qmail.layout.logins import render_login
from qmailpanel.qmail.layout.rows import LoginRow
from qmailpanel.qmail.names import LocalPart, MailUser
from qmailpanel.qmail.secrets.passwords import hash_password

HELPER = Path(__file__).parents[2] / "deploy/bin/qmailpanel-checkpassword"
WHO = 'id -u; id -g; id -G; pwd; echo "$USER $HOME $SHELL"; [ ! -e /proc/$$/fd/3 ] || echo open'
PROGRAM = ["/bin/sh", "-c", WHO]
RIGHT = "right horse"


class World:
    """A mail root, and the maps that sync would write."""

    there: Collection[str] = ()  # before anything is written
    its_map = "a.test.cdb"

    def __init__(self, place: Path) -> None:
        self.python, self.helper = Path(sys.executable), HELPER
        self.logins, self.home = place / "logins", place / "mailnames/a.test/bob"
        self.map = self.logins / self.its_map
        self.map.parent.mkdir(parents=True)
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
        files = Logins(("a.test",), {"a.test/bob": records}).render(
            "a.test", there=dict.fromkeys(self.there, b"")
        )
        for path, content in files.items():
            if path.endswith(LoginFormat.MAP):
                (self.logins / path).write_bytes(content)

    def write_record(self, data: bytes) -> None:
        with self.map.open("w+b") as file:
            cdb.compile_records([(b"bob@a.test", data)], file)

    def command(self, *arguments: str) -> list[str]:
        return self.helper_with(*arguments)

    def helper_with(self, *arguments: str) -> list[str]:
        return [str(self.python), "-IS", str(self.helper), "--logins", str(self.logins), *arguments]

    def ask(
        self, login: str = "bob@a.test", password: str = RIGHT, *options: str
    ) -> subprocess.CompletedProcess[str]:
        return self.send(f"{login}\0{password}\0<1.2@here>\0".encode(), *options)

    def send(
        self, content: bytes | None, *options: str, program: list[str] = PROGRAM
    ) -> subprocess.CompletedProcess[str]:
        """As qmail-popup starts it: what it reads is on descriptor 3."""
        close = ["/bin/sh", "-c", 'exec "$@" 3<&0' if content is not None else 'exec "$@" 3<&-']
        return subprocess.run(
            [*close, "sh", *self.command(*options, *program)],
            input=(content or b"").decode("latin-1"),
            encoding="latin-1",
            capture_output=True,
            env={"TCPREMOTEIP": "192.0.2.7", "PATH": "/usr/bin:/bin"},
            check=False,
        )


class LargeWorld(World):
    """The domain is large: bob is in one of 256 maps."""

    there = ("a.test.d/00.cdb",)
    its_map = "a.test.d/9f.cdb"


# the interpreter and its packages, where everybody may read them
_SHOWN = """
set -e
mount --make-rprivate /
mount --bind "$1" "$2"
mount --bind "$3" "$4"
shift 4
exec "$@"
"""


class Asker(World):
    """As qmail-smtpd asks: two NULs, as an ordinary user of the group that reads the maps."""

    UID, GROUP = 4711, 4712

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        interpreter = Path(sys.executable).resolve()
        prefix, base = interpreter.parents[1], place / "base"
        packages = place / "venv/lib" / version / "site-packages"
        self._shown = [prefix, base, Path(cdbx.__file__).parents[1], packages]
        for path in (base, packages, place / "venv/bin"):
            path.mkdir(parents=True)
        self.python = place / "venv/bin/python"
        self.python.symlink_to(base / interpreter.relative_to(prefix))
        self.helper = Path(shutil.copy(HELPER, place))

    def write(self, row: LoginRow, user: MailUser | None = None) -> None:
        super().write(row, user)
        for directory in {self.logins, self.map.parent}:
            directory.chmod(0o711)
        self.let_read(self.GROUP)

    def let_read(self, group: int) -> None:
        os.chown(self.map, 0, group)
        self.map.chmod(0o640)

    def command(self, *arguments: str) -> list[str]:
        return self.as_asker(*self.helper_with(*arguments))

    def as_asker(self, *command: str) -> list[str]:
        """In a mount namespace of its own."""
        user = ["setpriv", f"--reuid={self.UID}", f"--regid={self.GROUP}", "--clear-groups"]
        shown = map(str, self._shown)
        return ["unshare", "-m", "sh", "-c", _SHOWN, "sh", *shown, *user, *command]

    def ask_to_send(
        self, password: str = RIGHT, login: str = "bob@a.test", service: str = "smtp"
    ) -> subprocess.CompletedProcess[str]:
        return self.send(f"{login}\0{password}\0".encode(), "--service", service)


class LargeAsker(LargeWorld, Asker):
    """As qmail-smtpd asks for the domain that is large."""
