"""Whose the homes below the mail root are, as they say themselves."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from qmailpanel.qmail.host.files import LARGEST_OF_STRANGERS, entered, read_file, read_link
from qmailpanel.qmail.host.home_maker import MARK, parse_mark, read_mark
from qmailpanel.qmail.plan.marks import Marks

_NO_HOME = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENOTSUP, errno.EFBIG)


class _Mark(NamedTuple):
    number: int
    is_proven: bool


def read_all_marks(root: str) -> Marks:
    """Of every directory in a domain's. Raises OSError, where a home may be that cannot be seen."""
    homes = defaultdict[int, list[str]](list)
    unproven, links = set[str](), dict[str, str]()
    for path, parent in _walk(root):
        above, slash, name = path.rpartition("/")
        target = _read_own_link(name, parent)
        mark = _read_mark(name, parent) if above else None
        if target:
            links[path] = f"{above}{slash}{target}"
        elif mark:
            homes[mark.number].append(path)
            unproven |= set() if mark.is_proven else {path}
    return Marks(homes, frozenset(unproven), links)


def _walk(root: str) -> Iterator[tuple[str, int]]:
    """The path of each domain and of each home, and the open directory in which it is."""
    with _where_no_home_is(), entered(root) as top:
        for name in _list_names(top):
            yield name, top
            yield from _walk_domain(name, top)


def _walk_domain(domain: str, top: int) -> Iterator[tuple[str, int]]:
    with _where_no_home_is(), entered(domain, top) as directory:
        for name in _list_names(directory):
            yield f"{domain}/{name}", directory


def _list_names(directory: int) -> list[str]:
    """Without files: a large domain has many."""
    with os.scandir(directory) as entries:
        return sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and not entry.is_file(follow_symlinks=False)
        )


def _read_own_link(name: str, parent: int) -> str:
    """To what beside it a link of ours leads; empty where there is none."""
    with _where_no_home_is():
        target = read_link(name, parent)
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if target and "/" not in target and status.st_uid == os.geteuid():
            return target
    return ""


def _read_mark(name: str, parent: int) -> _Mark | None:
    """Proven is what we wrote ourselves."""
    with _where_no_home_is(), entered(name, parent) as home:
        content, status = read_file(MARK, home, most=LARGEST_OF_STRANGERS)
        number = parse_mark(content)
        if number is not None:
            return _Mark(number, (status.st_uid, status.st_nlink) == (os.geteuid(), 1))
    return None


@contextlib.contextmanager
def _where_no_home_is() -> Iterator[None]:
    """Anything else may stand there, or nothing."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_HOME:
            raise


def read_marks(root: str, path: str) -> set[int]:
    """Of the home of that path, or of all in the directory of a domain."""
    domain, _, name = path.partition("/")
    try:
        with entered(root) as top, entered(domain, top) as directory:
            names = [name] if name else os.listdir(directory)
            marks = {_read_any_mark(each, directory) for each in names}
    except OSError:
        return set()
    return {mark for mark in marks if mark is not None}


def _read_any_mark(home: str, parent: int) -> int | None:
    try:
        with entered(home, parent) as directory:
            return read_mark(directory)
    except OSError:
        return None
