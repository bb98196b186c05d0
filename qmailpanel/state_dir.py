"""The state directory: database, fifo and keys, shared by web and sync through one group."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from qmailpanel.qmail.plan.questions import LEDGER_MARK

DATABASE, KEY, FACTOR_KEY = "db.sqlite3", "secret-key", "factor-key"
COSTS = {
    KEY: "everybody signs in anew, and links that were mailed work no more",
    FACTOR_KEY: "codes of apps and recovery codes fit no more; passkeys and passwords stay",
}


def prepare_state(given: Mapping[str, Any]) -> None:
    """Make what is missing. Whoever serves or signs calls this before Django reads its settings.

    Raises ImproperlyConfigured where it was there before, so far as this process can see.
    """
    path = given["QMAILPANEL_STATE_DIR"]
    database = None if given["DATABASE_URL"] else path / DATABASE
    refuse_outsiders(path)
    for lost in (path, database):
        if lost and not lost.exists() and is_host_known(given["QMAILPANEL_QMAIL_HOME"]):
            raise ImproperlyConfigured(_say_lost(lost))
    is_old = database is None or (database.exists() and database.stat().st_size > 0)
    prepare_state_dir(path)
    for key in (KEY, FACTOR_KEY):
        if make_secret_key(path / key) and is_old:
            sys.stderr.write(f"A new {path / key} was made: with an older database {COSTS[key]}.\n")
        take_over(path / key)
    if database:
        make_database_file(database)


def is_host_known(home: Path) -> bool:
    """Whether the mail host was made from a database before."""
    return os.path.exists(home / LEDGER_MARK)


def _say_lost(lost: Path) -> str:
    return (
        f"{lost} is not there, but this mail host was made from what it held: put it back from a "
        f"backup. To begin anew all the same, make it by hand; deploy/README.md says how."
    )


def prepare_state_dir(path: Path) -> None:
    """Make the directory (3770) if it is missing. Raises ImproperlyConfigured.

    Sticky: whoever is web replaces nothing there that root made, and follows.
    """
    refuse_outsiders(path)
    if path.exists():
        return
    try:
        path.mkdir(parents=True)
        path.chmod(0o3770)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot make the state directory {path}: {error.strerror}. "
            f"Set QMAILPANEL_STATE_DIR to a directory you may write."
        ) from error


def refuse_outsiders(path: Path) -> None:
    """Raises ImproperlyConfigured for who is neither root nor its owner nor in its group.

    They would leave files behind that the web and sync processes cannot write.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ImproperlyConfigured(f"{path}: {error.strerror}.") from error
    if not _is_insider(status):
        raise ImproperlyConfigured(
            f"The state directory {path} belongs to another user (uid {status.st_uid}): "
            f"run this as that user, as a member of its group, or as root."
        )


def _is_insider(status: os.stat_result) -> bool:
    if os.geteuid() in (0, status.st_uid):
        return True
    is_shared = bool(status.st_mode & stat.S_IWGRP)
    return is_shared and status.st_gid in {os.getegid(), *os.getgroups()}


def make_database_file(path: Path) -> None:
    """An empty SQLite file with mode 0660: SQLite by itself would make it 0644."""
    if not path.exists():
        _create(path, b"", 0o660)


def take_over(path: Path) -> None:
    """As root: what somebody else of the group made there becomes its owner's, and stays in place.

    Besides, in a sticky directory Linux lets root open no file of others. See proc_sys_fs(5).
    Nothing is opened, or locks of SQLite would go.
    """
    if os.geteuid():
        return
    with suppress(FileNotFoundError):
        status, owner = path.lstat(), path.parent.stat().st_uid
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid != owner:
            os.chown(path, owner, -1, follow_symlinks=False)


def make_secret_key(path: Path) -> bool:
    """A key of the panel's own (0640); whether there was none."""
    if path.exists():
        return False
    _create(path, secrets.token_urlsafe(48).encode(), 0o640)
    return True


def read_secret_key(path: Path) -> str:
    """The key; where none was made yet, one that ends with this process."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return secrets.token_urlsafe(48)


def _create(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, whenever the power goes.

    Where two processes start at once, the first one's file stays.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    with suppress(FileExistsError):
        path.hardlink_to(fresh)
    fresh.unlink()
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
