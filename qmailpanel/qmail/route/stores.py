"""Whether mail can be stored at a path now. See maildir(5) and mbox(5)."""

from __future__ import annotations

import errno
import os
import stat

from qmailpanel.qmail.formats import maildir

from .ends import readable, say_error
from .reader import Account, Found, Reader


def store(reader: Reader, account: Account, path: bytes, *, is_maildir: bool) -> str:
    """Why mail for it waits; empty where it does not. `path`: absolute."""
    if is_maildir:
        return _into_maildir(reader, account, path)
    return _into_mbox(reader, account, path)


def _into_maildir(reader: Reader, account: Account, path: bytes) -> str:
    here = reader.look(path, account)
    if here.error or not (stat.S_ISDIR(here.mode) and here.may_enter):
        return "Unable to chdir to maildir. (#4.2.1)"
    for name in ("tmp", "new"):
        inside = reader.look(os.path.join(path, name.encode()), account)
        if inside.error or not (stat.S_ISDIR(inside.mode) and inside.may_write):
            return "Temporary error on maildir delivery. (#4.3.0)"
    return ""


def _into_mbox(reader: Reader, account: Account, path: bytes) -> str:
    file = reader.look(path, account)
    if file.error == errno.ENOENT:
        above = reader.look(os.path.dirname(path.rstrip(b"/")) or b"/", account)
        error = above.error or (0 if above.may_write else errno.EACCES)
    else:
        error = file.error or _why_no_mbox(file)
    return f"Unable to open {readable(path)}: {say_error(error)}. (#4.2.1)" if error else ""


def _why_no_mbox(file: Found) -> int:
    if stat.S_ISDIR(file.mode):
        return errno.EISDIR
    return 0 if file.may_write else errno.EACCES


def is_full(reader: Reader, account: Account, path: bytes) -> bool:
    """Whether deliverquota refuses even the smallest message. See maildirquota(7)."""
    file = reader.look(os.path.join(path, maildir.SIZE.encode()), account)
    try:
        size = maildir.parse(file.content or b"")
    except maildir.BadMaildirSize:
        return False
    pairs = zip(size.used, size.limits, strict=True)
    return any(0 < limit <= used for used, limit in pairs)
