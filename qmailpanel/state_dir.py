"""The state directory: database, fifo and keys, shared by web and sync through one group."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

DATABASE, KEY, FACTOR_KEY = "db.sqlite3", "secret-key", "factor-key"


def prepare_state(given: Mapping[str, Any]) -> None:
    """Make what is missing. Whoever serves or signs calls this before Django reads its settings."""
    path = given["QMAILPANEL_STATE_DIR"]
    prepare_state_dir(path)
    for key in (KEY, FACTOR_KEY):
        make_secret_key(path / key)
        take_over(path / key)
    if not given["DATABASE_URL"]:
        make_database_file(path / DATABASE)


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


def make_secret_key(path: Path) -> None:
    """A key of the panel's own (0640)."""
    if not path.exists():
        _create(path, secrets.token_urlsafe(48).encode(), 0o640)


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
