"""The state directory: database, fifo and secrets, shared by web and sync through one group."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def prepare_state_dir(path: Path) -> None:
    """Make the directory (2770) if it is missing, and refuse to work as an outsider.

    Whoever is neither root nor its owner nor in its group would leave files behind that the
    web and sync processes cannot write.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        _make_directory(path)
        return
    except OSError as error:
        raise ImproperlyConfigured(f"{path}: {error.strerror}.") from error
    if not _is_insider(found):
        raise ImproperlyConfigured(
            f"The state directory {path} belongs to another user (uid {found.st_uid}): "
            f"run this as that user, as a member of its group, or as root."
        )


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True)
        path.chmod(0o2770)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot make the state directory {path}: {error.strerror}. "
            f"Set QMAILPANEL_STATE_DIR to a directory you may write."
        ) from error


def _is_insider(found: os.stat_result) -> bool:
    if os.geteuid() in (0, found.st_uid):
        return True
    shared = bool(found.st_mode & stat.S_IWGRP)
    return shared and found.st_gid in {os.getegid(), *os.getgroups()}


def make_database_file(path: Path) -> None:
    """An empty SQLite file with mode 0660: SQLite by itself would make it 0644."""
    if not path.exists():
        _create(path, b"", 0o660)


def read_secret_key(path: Path) -> str:
    """A key of the panel's own, made at first start (0640)."""
    if not path.exists():
        _create(path, secrets.token_urlsafe(48).encode(), 0o640)
    return path.read_text()


def _create(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all; where two processes start at once, the first one's file stays."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
    with suppress(FileExistsError):
        path.hardlink_to(fresh)
    fresh.unlink()
