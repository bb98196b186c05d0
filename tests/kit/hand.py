"""Somebody else's hand on the host, at random."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from qmailpanel.qmail.formats.shared_files import Shared
from tests.kit.panels import Panel

Touched = tuple[str, str]  # a domain and a local part


class Hand:
    """`touched`: what it had to do with. `opened`: names of which it edited a login file."""

    def __init__(self, panel: Panel, chance: random.Random, touchable: list[Touched]) -> None:
        self.panel, self.random, self.touchable = panel, chance, touchable
        self.touched: set[Touched] = set()
        self.opened: set[str] = set()
        self.acts: list[Callable[[], None]] = [
            self.add_foreign_line,
            self.change_line,
            self.drop_line,
            self.write_file,
            self.change_file,
            self.change_home,
            self.remove_home,
            self.unlimit_home,
            self.edit_logins,
        ]

    def act(self) -> None:
        try:
            self.random.choice(self.acts)()
        except (IndexError, FileNotFoundError):
            return

    def some(self) -> Touched:
        return self.touch(self.random.choice(self.touchable))

    def touch(self, one: Touched) -> Touched:
        self.touched.add(one)
        return one

    # users/assign

    def add_foreign_line(self) -> None:
        name, local = self.some()
        prepend = self.prepend_of(name)
        lines = self.panel.read(Shared.ASSIGN)
        new = f"={prepend}-{local}:joe:7:7:/home/joe:::\n".encode()
        self.panel.write(Shared.ASSIGN, new + lines)

    def change_line(self) -> None:
        line = self.some_line()
        text = self.panel.read(Shared.ASSIGN)
        self.panel.write(Shared.ASSIGN, text.replace(line, line.replace(b":popuser:", b":joe:")))

    def drop_line(self) -> None:
        line = self.some_line()
        self.panel.write(Shared.ASSIGN, self.panel.read(Shared.ASSIGN).replace(line, b""))

    def some_line(self) -> bytes:
        lines = self.panel.read(Shared.ASSIGN).splitlines(keepends=True)
        line = self.random.choice([one for one in lines if one.startswith(b"=1")])
        key = line.partition(b":")[0].decode()
        prepend, _, local = key.removeprefix("=").partition("-")
        names = {self.prepend_of(name): name for name, _ in self.touchable}
        self.touch((names[int(prepend)], local))
        return line

    def prepend_of(self, name: str) -> int:
        lines = self.panel.lines(Shared.VIRTUAL)
        return next(int(x.rpartition(":")[2]) for x in lines if x.startswith(f"{name}:"))

    # below the mail root

    def write_file(self) -> None:
        name, local = self.some()
        path = self.panel.below(f"{name}/.qmail-{local.replace('.', ':')}")
        path.write_text("&hand@side.test\n")

    def change_file(self) -> None:
        paths = sorted(self.panel.below("").glob("*.*/.qmail-*"))
        path = self.random.choice([path for path in paths if path.name != ".qmail-default"])
        local = path.name.removeprefix(".qmail-").replace(":", ".")
        self.touch((path.parent.name, local))
        if self.random.random() < 0.5:
            path.write_text("&hand@side.test\n")
        else:
            path.unlink()

    def change_home(self) -> None:
        (self.some_home() / ".qmail").write_text("&hand@side.test\n")

    def remove_home(self) -> None:
        shutil.rmtree(self.some_home())

    def unlimit_home(self) -> None:
        (self.some_home() / "Maildir/maildirsize").unlink()

    def some_home(self) -> Path:
        homes = sorted(self.panel.below("").glob("[a-z]*.*/[!.]*/Maildir"))
        home = self.random.choice(homes).parent
        self.touch((home.parent.name, home.name))
        return home

    # logins

    def edit_logins(self) -> None:
        paths = sorted(Path(settings.QMAILPANEL_LOGIN_DIR).rglob("*.passwd"))
        path = self.random.choice(paths)
        path.write_text(f"{path.read_text()}eve@pandle.net:x:::::\n")
        self.opened.add(path.stem if path.parent.suffix != ".d" else path.parent.stem)
