"""Whose the homes below the mail root are, as they say themselves."""

from __future__ import annotations

import os

from qmailpanel.qmail.host.files import entered
from qmailpanel.qmail.host.home_maker import read_mark


def read_homes(root: str, domain: str) -> dict[str, int | None] | None:
    """By path all that stands in the directory of a domain; its number where it is a home.

    None: there is no such directory.
    """
    try:
        with entered(root) as top, entered(domain, top) as directory:
            names = os.listdir(directory)
            return {f"{domain}/{name}": _read_mark(name, directory) for name in names}
    except FileNotFoundError:
        return None
    except OSError:
        return {}


def read_marks(root: str, path: str) -> set[int]:
    """Of the home of that path, or of all in the directory of a domain."""
    domain, _, name = path.partition("/")
    if not name:
        marks = list((read_homes(root, domain) or {}).values())
    else:
        marks = [_read_mark_at(root, domain, name)]
    return {mark for mark in marks if mark is not None}


def _read_mark_at(root: str, domain: str, name: str) -> int | None:
    try:
        with entered(root) as top, entered(domain, top) as directory:
            return _read_mark(name, directory)
    except OSError:
        return None


def _read_mark(home: str, parent: int) -> int | None:
    try:
        with entered(home, parent) as directory:
            return read_mark(directory)
    except OSError:
        return None
