"""What stands on a host's disks, as facts that are there or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.state_dir import FACTOR_KEY, KEY
from tests.kit.assign_map import AssignMap
from tests.kit.worlds import LAYOUT, World

Facts = frozenset[tuple[object, ...]]

NAMES = ("pandle.net", "pandle.com", "b.test", "c.test", "d.test")
LOCALS = ("ann", "anna", "bob", "info", "over", "bea", "box1", "box49", "cora")


def read_facts() -> Facts:
    return frozenset({*_lines(), *_maps(), *_tree(), *_logins(), *_keys(), *_ways()})


def _lines() -> Iterator[tuple[object, ...]]:
    for shared in Shared:
        path = _home() / shared
        if path.exists():
            yield "file", str(shared)
            yield from (("line", str(shared), line) for line in path.read_bytes().splitlines())


def _maps() -> Iterator[tuple[object, ...]]:
    for its in MAPS.values():
        path = _home() / its.path
        if path.exists():
            with path.open("rb") as file:
                yield from (("record", its.path, *pair) for pair in AnyMap(file).records())


def _tree() -> Iterator[tuple[object, ...]]:
    """Mail is a fact wherever it is; all else below the mail root with its place."""
    root = _root()
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.name.endswith(".mail"):
            yield "mail", path.name, path.read_bytes()
        elif path.is_symlink():
            yield "link", name, os.readlink(path)
        elif path.is_dir():
            yield "directory", name
        elif path.name == "maildirsize":
            limits = path.read_bytes().split(b"\n")[0]
            if limits.strip(b"\0") not in (b"", b"0S,0C"):
                yield "limited", name
                yield "limits", name, limits
        elif path.name != ".qmailpanel-new":
            yield "dot-qmail", name, path.read_bytes()


def _logins() -> Iterator[tuple[object, ...]]:
    directory = Path(settings.QMAILPANEL_LOGIN_DIR)
    for path in directory.rglob("[!.]*"):
        name = str(path.relative_to(directory))
        if path.suffix == ".cdb":
            with path.open("rb") as file:
                yield from (("login", name, *pair) for pair in AnyMap(file).records())
        elif path.suffix == ".passwd":
            yield from (("login", name, line) for line in path.read_bytes().splitlines())


def _keys() -> Iterator[tuple[object, ...]]:
    for name in (KEY, FACTOR_KEY):
        path = Path(settings.QMAILPANEL_STATE_DIR, name)
        if path.exists():
            yield "key", name, path.read_text()


def _ways() -> Iterator[tuple[object, ...]]:
    """Which addresses mail reaches."""
    world = read_world()
    for name in NAMES:
        for local in LOCALS:
            if world.reaches(local, name):
                yield "reached", f"{local}@{name}"


def read_world() -> World:
    """The host as its mail server finds it when the machine starts."""
    root = _root()
    below = {str(path.relative_to(root)): path for path in root.glob("[!.]*/*")}
    shared = {which: _read(_home() / which) for which in Shared}
    compiled = _read_map(_home() / "users/cdb")
    return World(
        shared=shared,
        compiled=compiled.replace(f"{root}/".encode(), f"{LAYOUT.mail_root}/".encode()) + b".\n",
        loaded=shared[Shared.VIRTUAL] or b"",
        directories={path.name for path in root.glob("[!.]*") if path.is_dir()},
        files={name: path.read_bytes() for name, path in below.items() if path.is_file()},
        homes={
            name: (0, _read(path / ".qmail") or b"")
            for name, path in below.items()
            if (path / "Maildir/new").is_dir()
        },
        links={path.name: os.readlink(path) for path in root.glob("[!.]*") if path.is_symlink()},
    )


def _read_map(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        return b"".join(AssignMap(file).lines())


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _home() -> Path:
    return Path(settings.QMAILPANEL_QMAIL_HOME)


def _root() -> Path:
    return Path(settings.QMAILPANEL_MAIL_ROOT)
